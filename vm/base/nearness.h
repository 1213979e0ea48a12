/* SPDX-License-Identifier: MIT */
/* How near a word is to a known name, for messages that offer the name: "'wrokers': did you mean 'workers'?".
 *
 * The distance counts the letters to insert, delete, replace or exchange with their neighbour; upper and lower case are
 * the same letter. A name is near if that is at most a third of the longer word, or if both begin with the same four
 * letters ("procs", "processes").
 */
#ifndef BASE_NEARNESS_H
#define BASE_NEARNESS_H

#include <limits.h>

/* What a common beginning alone counts: more than each distance of spelling. */
#define NEARNESS_BEGINNING (UINT_MAX - 1)
#define NEARNESS_NONE      UINT_MAX

/* The distance; NEARNESS_BEGINNING; or NEARNESS_NONE: they are not near. */
unsigned nearness(const char *word, const char *name);

#endif
