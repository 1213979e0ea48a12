/* SPDX-License-Identifier: MIT */
/* The text of the last call of manymoons.h that failed on this thread: mm_last_error.
 *
 * A function that fails says which argument was wrong and what it expected. Nothing clears the
 * text, as nothing clears errno.
 */
#ifndef C_VALUES_LAST_ERROR_H
#define C_VALUES_LAST_ERROR_H

#include "base/annotations.h"

/* A longer text is cut off. */
void last_error_set(const char *format, ...) PRINTF(1, 2);
/* "" before the first failure. Valid until the thread's next failure. */
const char *last_error(void);

#endif
