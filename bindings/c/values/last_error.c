/* SPDX-License-Identifier: MIT */
#include "c/values/last_error.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 400 };

static _Thread_local char text[TEXT_MAX];

void last_error_set(const char *format, ...) {
  char made[TEXT_MAX]; /* an argument may be the text before */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(made, sizeof made, format, arguments);
  va_end(arguments);
  snprintf(text, sizeof text, "%s", made);
}

const char *last_error(void) { return text; }
