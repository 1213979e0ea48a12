/* SPDX-License-Identifier: MIT */
/* The only function that aborts. */
#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *file, int line, const char *what, int64_t left, int64_t right) {
  fprintf(stderr, "manymoons: %s:%d: impossible: %s (%" PRId64 ", %" PRId64 ")\n", file, line, what, left,
          right);
  abort();
}
