/* SPDX-License-Identifier: MIT */
/* The terminal behind a standard stream. */
#ifndef OS_TERMINAL_H
#define OS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

enum { TERMINAL_INPUT = 0, TERMINAL_ERRORS = 2 };

/* Whether the descriptor is a terminal. */
bool terminal_is(int fd);
/* Its size in characters; 0: it does not say. */
struct terminal_size {
  int columns;
  int rows;
};
struct terminal_size terminal_size(int fd);
/* Writes all of it, at once where the terminal takes it, so that it is not mixed with what others write.
 * Errors are ignored. Async-signal-safe. */
void terminal_write(int fd, const char *text, size_t size);

#endif
