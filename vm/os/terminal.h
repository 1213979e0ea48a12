/* SPDX-License-Identifier: MIT */
/* The terminal behind a standard stream. */
#ifndef OS_TERMINAL_H
#define OS_TERMINAL_H

#include <stdbool.h>

enum { TERMINAL_INPUT = 0, TERMINAL_ERRORS = 2 };

/* Whether the descriptor is a terminal. */
bool terminal_is(int fd);
/* How wide it is; 0: it does not say. */
int terminal_columns(int fd);

#endif
