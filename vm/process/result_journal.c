/* SPDX-License-Identifier: MIT */
#include "process/result_journal.h"

#include <string.h>

#include "shared/kill_point.h"

void journal_begin(struct journal *j, uint64_t task, uint64_t first) {
  atomic_store(&j->count, 0);
  KILL_POINT("journal.emptied");
  j->used = 0;
  j->task = task;
  j->first = first;
}

bool journal_add(struct journal *j, const void *bytes, size_t size, const void *more, size_t more_size) {
  const size_t total = size + more_size;
  if (total > JOURNAL_ENTRY_MAX || j->used + 1 + total > JOURNAL_BYTES) return false;
  uint8_t *at = j->bytes + j->used;
  *at++ = (uint8_t)total;
  memcpy(at, bytes, size);
  if (more_size) memcpy(at + size, more, more_size);
  j->used += (uint32_t)(1 + total);
  KILL_POINT("journal.written");
  atomic_store_explicit(&j->count, atomic_load_explicit(&j->count, memory_order_relaxed) + 1,
                        memory_order_release);
  return true;
}

const uint8_t *journal_next(const struct journal *j, size_t *at, size_t *size) {
  if (*at >= JOURNAL_BYTES) return NULL;
  *size = j->bytes[*at];
  const uint8_t *entry = j->bytes + *at + 1;
  *at += 1 + *size;
  return *at <= JOURNAL_BYTES ? entry : NULL;
}
