/* SPDX-License-Identifier: MIT */
/* Shared libraries that are looked for when they are first needed, so that programs that load our module need
 * not have them. What was opened stays.
 */
#ifndef OS_LIBRARY_H
#define OS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* The first of the names that is there; NULL: none. */
void *library_open(const char *const *names, size_t count);

/* Something in it; NULL: the library lacks it. */
void *library_symbol(void *library, const char *name);

/* One function of a library, and the pointer to a function that is to hold it. */
struct library_symbol {
  const char *name;
  void *place;
};
/* False: the library lacks one of them. */
bool library_find(void *library, const struct library_symbol *symbols, size_t count);

#endif
