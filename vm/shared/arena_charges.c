/* SPDX-License-Identifier: MIT */
/* Charges of blocks (accounts.h). A run has its charge in the chunk table, a slab has a page of them,
 * which is committed with the first charge; so blocks of a program without limits cost a look at a
 * word that is read anyway.
 *
 * Only the owner of a block changes its charge. A block that is free has none: the owner credits it
 * first. The charge is removed after it is credited, and a death between the two has the next owner
 * credit it again (accounts.h, I3).
 */
#include "shared/arena_private.h"
#include "shared/kill_point.h"

status place_note_charge(struct arena *a, const struct place *p, charge_mark mark, uint64_t bytes) {
  struct arena_chunk *entry = chunk_entry(a, p->chunk);
  if (p->is_run) {
    atomic_store(&entry->place, (uint32_t)(bytes / PAGE));
    atomic_store(&entry->charge, mark);
    return STATUS_OK;
  }
  const status st = slab_commit_pages(a, p->chunk, CHARGE_PAGE, ARENA_DATA);
  if (st == STATUS_OK) atomic_store(&chunk_charges(a, p->chunk)->marks[p->index], mark);
  return st;
}

void place_credit(struct arena *a, const struct place *p) {
  struct arena_chunk *entry = chunk_entry(a, p->chunk);
  _Atomic uint32_t *mark = p->is_run ? &entry->charge : &chunk_charges(a, p->chunk)->marks[p->index];
  if (!a->accounts || !place_may_be_charged(a, p) || !atomic_load(mark)) return;
  const uint64_t bytes = p->is_run ? (uint64_t)atomic_load(&entry->place) * PAGE : class_size(p->detail);
  account_credit(a->accounts, atomic_load(mark), bytes);
  KILL_POINT("arena.credited");
  atomic_store(mark, 0);
}

status place_charge_more(struct arena *a, const struct place *p, struct account *account, uint64_t bytes) {
  struct arena_chunk *entry = chunk_entry(a, p->chunk);
  const uint64_t pages = (bytes + PAGE - 1) / PAGE;
  if (!p->is_run || atomic_load(&entry->charge) != account->mark) return STATUS_OK;
  const uint64_t have = atomic_load(&entry->place);
  if (pages <= have) return STATUS_OK;
  const status st = account_charge(a->accounts, account, (pages - have) * PAGE);
  if (st == STATUS_OK) atomic_store(&entry->place, (uint32_t)pages);
  return st;
}
