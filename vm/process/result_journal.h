/* SPDX-License-Identifier: MIT */
/* The results of a list that a pool worker has and has not sent yet: short ones, in its worker
 * status, readable after its death.
 *
 * I1  Entries 1 to `count` are whole, and are the results of the items from `first` on of the task
 *     with number `task`. The store of `count` commits an entry.
 * I2  `count` is 0 while anything else changes.
 *
 * The worker writes; the parent reads when the worker is dead. No lock: there is one of each.
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
  uint8_t bytes[RESULT_JOURNAL_BYTES]; /* entry … ; entry := size (one byte) | message */
};

/* Empties the journal, for the results of the items from `first` on. */
void result_journal_begin(struct result_journal *j, uint64_t task, uint64_t first);
/* Appends an entry of `size` bytes and `more_size` further bytes. False: it is too long, or there
 * is no room. */
bool result_journal_add(struct result_journal *j, const void *bytes, size_t size, const void *more,
                        size_t more_size);
/* The entry at `*at`, which starts at 0 and moves behind it; NULL after the last one. */
const uint8_t *result_journal_next(const struct result_journal *j, size_t *at, size_t *size);

#endif
