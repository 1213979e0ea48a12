/* SPDX-License-Identifier: MIT */
/* Small blocks of memory for one user, such as the Lua of a VM: one thread at a time uses them, and no lock protects them.
 *
 * The C library's malloc takes locks as soon as a process has a second thread, however idle that is: a program that makes
 * many tables and strings then takes a seventh more time (glibc 2.36, 2026).
 *
 *   page    BLOCKS_PAGE bytes, at a multiple of that: a head, and blocks of one size. Those that were given back are in a
 *           list; behind `fresh` none was ever used.
 *   class   one of the sizes 16, 32, … BLOCKS_MOST: its pages with room, of which the first one gives the blocks
 *
 * I1  A page is in the list of its class if it has room, and else in none: its blocks lead to it.
 * I2  `used` counts the blocks of a page that the user has. A page without any goes back to the C library, unless it is
 *     the first of its class.
 *
 * With a sanitizer, which has to see each block, there are no small ones. */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

enum { BLOCKS_STEP = 16, BLOCKS_CLASSES = 16, BLOCKS_PAGE = 16384 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { BLOCKS_MOST = 0 };
#else
enum { BLOCKS_MOST = BLOCKS_STEP * BLOCKS_CLASSES };
#endif

struct blocks_page;
struct blocks { /* {0}: it has none */
  struct blocks_page *pages[BLOCKS_CLASSES];
};

/* Whether blocks of this size come from here. */
static inline bool blocks_have(size_t size) {
  const size_t most = BLOCKS_MOST;
  return size - 1 < most;
}
/* Of such a size. NULL: out of memory. */
void *blocks_take(struct blocks *b, size_t size);
/* The size is that for which it was taken. */
void blocks_give(struct blocks *b, void *block, size_t size);
/* All blocks were given back. */
void blocks_fini(struct blocks *b);
/* Aborts where an invariant does not hold. For tests. */
void blocks_validate(const struct blocks *b);

#endif
