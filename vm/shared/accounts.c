/* SPDX-License-Identifier: MIT */
#include "shared/accounts.h"

#include <errno.h>
#include <stddef.h>

#include "base/check.h"

enum { GENERATION_SHIFT = 48 };
#define BYTES_MASK ((UINT64_C(1) << GENERATION_SHIFT) - 1)

static _Thread_local struct account *current; /* listed in vm/README.md */

void account_use(struct account *a) { current = a && a->mark ? a : NULL; }

struct account *account_current(void) {
  return current;
}

static charge_mark mark_of(uint32_t number, uint64_t word) {
  return (number + 1) | (uint32_t)(word >> GENERATION_SHIFT) << 16;
}

/* The account's word; NULL: the mark names none. *generation is the one of the mark. */
static _Atomic uint64_t *find_word(struct accounts *all, charge_mark mark, uint64_t *generation) {
  const uint32_t number = (mark & 0xffff) - 1;
  *generation = mark >> 16;
  return number < ACCOUNTS_MAX ? &all->words[number] : NULL;
}

/* The next generation has no charges. */
static void end_account(struct accounts *all, uint32_t number) {
  const uint64_t generation = (atomic_load(&all->words[number]) >> GENERATION_SHIFT) + 1;
  atomic_store(&all->words[number], generation << GENERATION_SHIFT);
  atomic_store(&all->owners[number], 0);
}

status account_open(struct accounts *all, uint32_t owner, uint64_t limit, struct account *out) {
  for (uint32_t i = 0; i < ACCOUNTS_MAX; i++) {
    uint32_t none = 0;
    if (!atomic_compare_exchange_strong(&all->owners[i], &none, owner)) continue;
    *out = (struct account){.mark = mark_of(i, atomic_load(&all->words[i])), .limit = limit};
    return STATUS_OK;
  }
  return STATUS_FULL;
}

void account_close(struct accounts *all, struct account *a) {
  if (current == a) current = NULL;
  if (a->mark) end_account(all, (a->mark & 0xffff) - 1);
  a->mark = 0;
}

void accounts_reap(struct accounts *all, uint32_t dead) {
  for (uint32_t i = 0; i < ACCOUNTS_MAX; i++)
    if (atomic_load(&all->owners[i]) == dead) end_account(all, i);
}

status account_charge(struct accounts *all, struct account *a, uint64_t bytes) {
  uint64_t generation = 0;
  _Atomic uint64_t *word = find_word(all, a->mark, &generation);
  if (!word) return STATUS_OK;
  uint64_t old = atomic_load(word);
  do {
    if (old >> GENERATION_SHIFT != generation) return STATUS_OK; /* a forked stranger's, of the old segment */
    const uint64_t used = old & BYTES_MASK;
    a->has_refused = used > a->limit || bytes > a->limit - used;
    if (a->has_refused) return -ENOMEM;
  } while (!atomic_compare_exchange_weak(word, &old, old + bytes));
  return STATUS_OK;
}

void account_credit(struct accounts *all, charge_mark mark, uint64_t bytes) {
  uint64_t generation = 0;
  _Atomic uint64_t *word = find_word(all, mark, &generation);
  if (!word) return;
  uint64_t old = atomic_load(word);
  uint64_t rest = 0;
  do {
    if (old >> GENERATION_SHIFT != generation) return;
    rest = (old & BYTES_MASK) > bytes ? old - bytes : old & ~BYTES_MASK;
  } while (!atomic_compare_exchange_weak(word, &old, rest));
}

void accounts_validate(const struct accounts *all) {
  for (uint32_t i = 0; i < ACCOUNTS_MAX; i++)
    if (!atomic_load(&all->owners[i])) CHECK_EQ(atomic_load(&all->words[i]) & BYTES_MASK, 0);
}

uint64_t account_bytes(const struct accounts *all, const struct account *a) {
  const uint32_t number = (a->mark & 0xffff) - 1;
  return number < ACCOUNTS_MAX ? atomic_load(&all->words[number]) & BYTES_MASK : 0;
}
