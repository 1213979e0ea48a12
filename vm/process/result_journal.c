/* SPDX-License-Identifier: MIT */
#include "process/result_journal.h"

#include <string.h>

#include "shared/kill_point.h"

void result_journal_begin(struct result_journal *j, uint64_t task, uint64_t first) {
  atomic_store(&j->count, 0);
  KILL_POINT("result_journal.emptied");
  j->used = 0;
  j->task = task;
  j->first = first;
}

bool result_journal_add(struct result_journal *j, const void *bytes, size_t size, const void *more,
                        size_t more_size) {
  const size_t total = size + more_size;
  if (total > RESULT_JOURNAL_ENTRY_MAX || j->used + 1 + total > RESULT_JOURNAL_BYTES) return false;
  uint8_t *at = j->bytes + j->used;
  *at++ = (uint8_t)total;
  memcpy(at, bytes, size);
  if (more_size) memcpy(at + size, more, more_size);
  j->used += (uint32_t)(1 + total);
  KILL_POINT("result_journal.written");
  atomic_store_explicit(&j->count, atomic_load_explicit(&j->count, memory_order_relaxed) + 1,
                        memory_order_release);
  return true;
}

const uint8_t *result_journal_next(const struct result_journal *j, size_t *at, size_t *size) {
  if (*at >= RESULT_JOURNAL_BYTES) return NULL;
  *size = j->bytes[*at];
  const uint8_t *entry = j->bytes + *at + 1;
  *at += 1 + *size;
  return *at <= RESULT_JOURNAL_BYTES ? entry : NULL;
}
