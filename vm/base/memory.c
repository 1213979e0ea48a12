/* SPDX-License-Identifier: MIT */
/* malloc, with a switch for tests that makes it fail. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#if defined(MM_FAULTS)
#include <stdatomic.h>

static _Atomic long fail_countdown; /* test builds only; listed in vm/README.md */

void memory_fail_after(long countdown) { atomic_store(&fail_countdown, countdown); }

bool memory_is_to_fail(void) {
  if (atomic_load(&fail_countdown) == 0) return false;
  return atomic_fetch_sub(&fail_countdown, 1) == 1;
}
#endif

void *memory_alloc(size_t size) {
  if (memory_is_to_fail()) return NULL;
  return calloc(1, size ? size : 1);
}

void *memory_resize(void *block, size_t size) {
  if (memory_is_to_fail()) return NULL;
  return realloc(block, size ? size : 1);
}

char *memory_copy_text(const char *text, size_t size) {
  char *copy = memory_alloc(size + 1);
  if (copy && size) memcpy(copy, text, size);
  return copy;
}

void memory_free(void *block) { free(block); }
