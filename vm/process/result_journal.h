/* SPDX-License-Identifier: MIT */
/* What a pool worker has done of a list and not sent yet, readable after its death: short
 * results, in its status.
 *
 * I1  Entries 1 to `count` are whole, and are the results of the items from `first` on of the task
 *     with number `task`. The store of `count` commits one.
 * I2  `count` is 0 while anything else changes.
 *
 * The worker writes; the parent reads when it is dead. Not locked: there is one of each.
 */
#ifndef PROCESS_RESULT_JOURNAL_H
#define PROCESS_RESULT_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESULT_JOURNAL_BYTES = 752, RESULT_JOURNAL_ENTRY_MAX = 200 };

struct result_journal {
  _Atomic uint32_t count;
  uint32_t used; /* bytes */
  uint64_t task;
  uint64_t first;
  uint8_t bytes[RESULT_JOURNAL_BYTES]; /* entries: size (one byte), a message */
};

/* Empty, for the items from `first` on. */
void result_journal_begin(struct result_journal *j, uint64_t task, uint64_t first);
/* False: it is too long, or there is no room. The entry is `size` bytes and then `more_size` bytes. */
bool result_journal_add(struct result_journal *j, const void *bytes, size_t size, const void *more,
                        size_t more_size);
/* The entry at `*at`, which starts at 0 and moves on; NULL behind the last one. */
const uint8_t *result_journal_next(const struct result_journal *j, size_t *at, size_t *size);

#endif
