/* SPDX-License-Identifier: MIT */
/* Checks of states that are impossible: a failed check aborts with file, line and both values.
 *
 * Impossible means a bug of ours. Bad input, a dead peer and a full disk are statuses instead.
 * CHECK and CHECK_EQ stay in release builds: they guard paths where going on would corrupt memory
 * that other processes share. ASSERT is for private functions and vanishes with NDEBUG.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdint.h>

#include "base/annotations.h"

/* Prints one line to stderr and aborts. */
NO_RETURN void check_failed(const char *file, int line, const char *what, int64_t left, int64_t right);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, 0, 0))
#define CHECK_EQ(left, right)                                                         \
  do {                                                                                \
    const int64_t check_left = (int64_t)(left);                                       \
    const int64_t check_right = (int64_t)(right);                                     \
    if (check_left != check_right)                                                    \
      check_failed(__FILE__, __LINE__, #left " == " #right, check_left, check_right); \
  } while (0)

#if defined(NDEBUG)
#define ASSERT(condition) ((void)0)
#else
#define ASSERT(condition) CHECK(condition)
#endif

#endif
