/* SPDX-License-Identifier: MIT */
/* Slabs: taking and freeing their blocks, making and ending them.
 *
 * The block that was freed last is the next to be taken, by its owner word alone, for its memory is
 * in the cache. It has no bit; the block that it displaces gets one. So records that replace each
 * other all over a large table, and messages that follow each other, need no more than two atomic
 * operations.
 *
 * A slab that other blocks are taken from is `current`; the others of its class that have free
 * blocks are in a list. A full slab is in no list: the process that sets a bit of it lists it. The
 * process that replaces the current slab marks it as full and then reads its bitmap, the other one
 * sets its bit and then reads the mark, so one of them sees the other and lists the slab.
 *
 * A slab begins and ends as a run that this process owns. While words change from 0 or to 0 the
 * lock is held; a later holder finds such words after a death and completes them (slab_rebuild).
 */
#include <errno.h>
#include <string.h>

#include "shared/arena_private.h"
#include "shared/kill_point.h"

/* ---- bits ------------------------------------------------------------------------------------ */

static uint64_t full_word(unsigned class, unsigned word) {
  const uint32_t blocks = class_blocks(class);
  const uint32_t first = word * 64;
  if (blocks >= first + 64) return UINT64_MAX;
  return blocks <= first ? 0 : (UINT64_C(1) << (blocks - first)) - 1;
}

static unsigned word_count(unsigned class) { return (class_blocks(class) + 63) / 64; }

static bool has_bits(const struct arena *a, uint64_t chunk, unsigned class) {
  const struct arena_control *control = chunk_control(a, chunk);
  for (unsigned i = 0; i < word_count(class); i++)
    if (atomic_load(&control->free[i])) return true;
  return false;
}

static bool seems_unused(const struct arena *a, uint64_t chunk, unsigned class) {
  const struct arena_control *control = chunk_control(a, chunk);
  for (unsigned i = 0; i < word_count(class); i++)
    if (atomic_load(&control->free[i]) != full_word(class, i)) return false;
  return true;
}

static void set_bit(struct arena_control *control, uint32_t index) {
  atomic_fetch_or(&control->free[index / 64], UINT64_C(1) << index % 64);
}

static bool is_slab(const struct arena *a, uint64_t chunk, unsigned class) {
  return atomic_load(&chunk_entry(a, chunk)->state) == state_word(CHUNK_SLAB, class);
}

static uint64_t slab_chunks(unsigned class) { return UINT64_C(1) << class_order(class); }

/* ---- lists (under rank_arena) ---------------------------------------------------------------- */

static void list_slab(struct arena *a, uint64_t chunk, unsigned class) {
  atomic_store(&chunk_entry(a, chunk)->place, SLAB_IS_LISTED);
  chunk_list_push(a, &a->state->slabs[class], chunk);
}

static void make_current(struct arena *a, uint64_t chunk, unsigned class) {
  atomic_store(&chunk_entry(a, chunk)->place, SLAB_IS_CURRENT);
  atomic_store(&a->state->current[class], (uint32_t)chunk + 1);
}

static void replace_current(struct arena *a, unsigned class) {
  const uint32_t current = atomic_load(&a->state->current[class]);
  if (!current) return;
  atomic_store(&a->state->current[class], 0);
  if (!is_slab(a, current - 1, class)) return;
  atomic_store(&chunk_entry(a, current - 1)->place, SLAB_IS_FULL);
  if (has_bits(a, current - 1, class)) list_slab(a, current - 1, class);
}

/* The first slab of the list becomes current. False: the list is empty. */
static bool use_listed(struct arena *a, unsigned class) {
  const uint32_t first = a->state->slabs[class];
  if (!first) return false;
  CHECK(is_slab(a, first - 1, class));
  chunk_list_remove(a, &a->state->slabs[class], first - 1);
  make_current(a, first - 1, class);
  return true;
}

/* ---- making and ending ----------------------------------------------------------------------- */

/* From the store of the head's state on it is a slab; blocks that a death keeps from being free are
 * completed by slab_rebuild. */
static void begin_slab(struct arena *a, uint64_t chunk, unsigned class) {
  struct arena_control *control = chunk_control(a, chunk);
  struct arena_chunk *entry = chunk_entry(a, chunk);
  for (uint64_t i = 1; i < slab_chunks(class); i++)
    atomic_store(&chunk_entry(a, chunk + i)->state, state_word(CHUNK_SLAB_PART, class));
  atomic_store(&entry->place, SLAB_IS_FULL);
  atomic_store(&entry->state, state_word(CHUNK_SLAB, class));
  atomic_store(&entry->owner, 0);
  KILL_POINT("arena.slab_begun");
  for (uint32_t i = 0; i < class_blocks(class); i++)
    atomic_store_explicit(&control->owners[i], free_word(class), memory_order_relaxed);
  if (atomic_load(&entry->has_control) & CHARGE_PAGE) memset(chunk_charges(a, chunk), 0, PAGE);
  KILL_POINT("arena.slab_filled");
  for (unsigned i = 0; i < SLAB_WORDS; i++) atomic_store(&control->free[i], full_word(class, i));
}

status slab_commit_pages(struct arena *a, uint64_t chunk, enum control_pages which, enum arena_use use) {
  struct arena_chunk *entry = chunk_entry(a, chunk);
  if (atomic_load(&entry->has_control) & which) return STATUS_OK;
  const uint8_t *pages = which == CONTROL_PAGE ? a->control : a->charges;
  const uint64_t at = (uint64_t)(pages - a->map->base) + chunk * PAGE;
  const status st = arena_commit_pages(a, at, PAGE, use);
  if (st == STATUS_OK) atomic_fetch_or(&entry->has_control, which);
  return st;
}

static status make_slab(struct arena *a, unsigned class, enum arena_use use) {
  uint64_t chunk = 0;
  status st = run_take(a, class_order(class), a->self, use, &chunk);
  if (st) return st;
  st = slab_commit_pages(a, chunk, CONTROL_PAGE, use);
  if (st) {
    run_free(a, chunk);
    return st;
  }
  KILL_POINT("arena.slab_committed");
  arena_lock(a);
  begin_slab(a, chunk, class);
  if (atomic_load(&a->state->current[class]))
    list_slab(a, chunk, class); /* another thread was faster */
  else
    make_current(a, chunk, class);
  arena_unlock(a);
  return STATUS_OK;
}

/* Takes all blocks of the slab; false: one is in use, and nothing changed. */
static bool empty_slab(struct arena_control *control, unsigned class) {
  const uint32_t blocks = class_blocks(class);
  uint32_t taken = 0;
  for (; taken < blocks; taken++) {
    uint32_t expected = free_word(class);
    if (!atomic_compare_exchange_strong(&control->owners[taken], &expected, 0)) break;
  }
  KILL_POINT("arena.slab_emptied");
  if (taken == blocks) return true;
  for (uint32_t i = 0; i < taken; i++) {
    atomic_store(&control->owners[i], free_word(class));
    set_bit(control, i);
  }
  return false;
}

/* The slab becomes a run that this process owns. False: it is in use. */
static bool end_slab(struct arena *a, uint64_t chunk, unsigned class) {
  struct arena_chunk *entry = chunk_entry(a, chunk);
  struct arena_control *control = chunk_control(a, chunk);
  if (!empty_slab(control, class)) return false;
  if (atomic_load(&entry->place) == SLAB_IS_LISTED) chunk_list_remove(a, &a->state->slabs[class], chunk);
  for (unsigned i = 0; i < SLAB_WORDS; i++) atomic_store(&control->free[i], 0);
  atomic_store(&entry->owner, a->self);
  KILL_POINT("arena.slab_ending");
  atomic_store(&entry->state, state_word(CHUNK_RUN, class_order(class)));
  for (uint64_t i = 1; i < slab_chunks(class); i++)
    atomic_store(&chunk_entry(a, chunk + i)->state, state_word(CHUNK_NONE, 0));
  return true;
}

static void end_if_unused(struct arena *a, uint64_t chunk, unsigned class) {
  arena_lock(a);
  const bool is_idle = is_slab(a, chunk, class) &&
                       atomic_load(&chunk_entry(a, chunk)->place) == SLAB_IS_LISTED &&
                       seems_unused(a, chunk, class) && end_slab(a, chunk, class);
  arena_unlock(a);
  KILL_POINT("arena.slab_ended");
  if (is_idle) run_free(a, chunk);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static bool take_index(struct arena_control *control, unsigned class, uint32_t index, owner_id owner) {
  uint32_t expected = free_word(class);
  const uint64_t bit = UINT64_C(1) << index % 64;
  if (!(atomic_fetch_and(&control->free[index / 64], ~bit) & bit)) return false;
  KILL_POINT("arena.bit_cleared");
  return atomic_compare_exchange_strong(&control->owners[index], &expected, owner);
}

static _Atomic uint64_t *last_freed(const struct arena *a, unsigned class) {
  return &a->state->last_freed[class][a->self % ARENA_LAST_FREED];
}

/* Where a block that was freed last is; false: not in a slab of the class. */
static bool find_freed(const struct arena *a, block_ref block, unsigned class, uint64_t *chunk,
                       uint32_t *index) {
  if (!arena_contains(a, block, class_size(class))) return false;
  *chunk = (block - a->data) / ARENA_CHUNK & ~(slab_chunks(class) - 1);
  *index = class_index(class, (uint32_t)(block - chunk_block(a, *chunk)));
  return *index < class_blocks(class) && is_slab(a, *chunk, class);
}

static bool is_free_block(const struct arena *a, uint64_t chunk, unsigned class, uint32_t index) {
  return atomic_load_explicit(&chunk_control(a, chunk)->owners[index], memory_order_relaxed) ==
         free_word(class);
}

/* The word is read before: it stays in `last_freed`, and is often taken already. */
static status take_last_freed(struct arena *a, unsigned class, owner_id owner, block_ref *out) {
  uint64_t chunk = 0;
  uint32_t index = 0;
  uint32_t expected = free_word(class);
  const block_ref block = atomic_load_explicit(last_freed(a, class), memory_order_relaxed);
  if (!block || !find_freed(a, block, class, &chunk, &index) || !is_free_block(a, chunk, class, index))
    return STATUS_EMPTY;
  if (!atomic_compare_exchange_strong(&chunk_control(a, chunk)->owners[index], &expected, owner))
    return STATUS_EMPTY;
  KILL_POINT("arena.freed_taken");
  *out = chunk_block(a, chunk) + (uint64_t)index * class_size(class);
  return STATUS_OK;
}

/* A block of the current slab. STATUS_EMPTY: it has none, or there is no such slab. */
static status take_current(struct arena *a, unsigned class, owner_id owner, block_ref *out) {
  const uint32_t current = atomic_load(&a->state->current[class]);
  if (!current) return STATUS_EMPTY;
  struct arena_control *control = chunk_control(a, current - 1);
  for (unsigned word = 0; word < word_count(class); word++) {
    uint64_t bits = atomic_load_explicit(&control->free[word], memory_order_relaxed) & full_word(class, word);
    for (; bits; bits &= bits - 1) {
      const uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
      if (!take_index(control, class, index, owner)) continue;
      KILL_POINT("arena.taken");
      *out = chunk_block(a, current - 1) + (uint64_t)index * class_size(class);
      return STATUS_OK;
    }
  }
  return STATUS_EMPTY;
}

/* STATUS_OK: there may be a block in the current slab. */
static status refill(struct arena *a, unsigned class, enum arena_use use) {
  arena_lock(a);
  const uint32_t current = atomic_load(&a->state->current[class]);
  bool is_ready = current && is_slab(a, current - 1, class) && has_bits(a, current - 1, class);
  if (!is_ready) {
    replace_current(a, class);
    is_ready = use_listed(a, class);
  }
  arena_unlock(a);
  return is_ready ? STATUS_OK : make_slab(a, class, use);
}

status slab_take(struct arena *a, unsigned class, owner_id owner, enum arena_use use, block_ref *out) {
  if (take_last_freed(a, class, owner, out) == STATUS_OK) return STATUS_OK;
  while (take_current(a, class, owner, out)) {
    const status st = refill(a, class, use);
    if (st) return st;
  }
  return STATUS_OK;
}

/* ---- freeing --------------------------------------------------------------------------------- */

static void list_if_full(struct arena *a, uint64_t chunk, unsigned class) {
  if (atomic_load(&chunk_entry(a, chunk)->place) != SLAB_IS_FULL || !has_bits(a, chunk, class)) return;
  arena_lock(a);
  if (is_slab(a, chunk, class) && atomic_load(&chunk_entry(a, chunk)->place) == SLAB_IS_FULL &&
      has_bits(a, chunk, class))
    list_slab(a, chunk, class);
  arena_unlock(a);
}

/* The block may be found by its bit. */
static void set_free_bit(struct arena *a, uint64_t chunk, unsigned class, uint32_t index) {
  struct arena_control *control = chunk_control(a, chunk);
  const uint64_t bit = UINT64_C(1) << index % 64;
  const uint64_t bits = atomic_fetch_or(&control->free[index / 64], bit) | bit;
  KILL_POINT("arena.bit_set");
  const uint32_t place = atomic_load(&chunk_entry(a, chunk)->place);
  if (place == SLAB_IS_CURRENT) return;
  if (place == SLAB_IS_FULL) list_if_full(a, chunk, class);
  if (bits == full_word(class, index / 64) && seems_unused(a, chunk, class)) end_if_unused(a, chunk, class);
}

/* Of a block that was freed last and is so no more: it is taken, or gets its bit. */
static void displace(struct arena *a, unsigned class, block_ref block) {
  uint64_t chunk = 0;
  uint32_t index = 0;
  KILL_POINT("arena.displaced");
  if (block && find_freed(a, block, class, &chunk, &index) && is_free_block(a, chunk, class, index))
    set_free_bit(a, chunk, class, index);
}

void slab_offer(struct arena *a, uint64_t chunk, unsigned class, uint32_t index) {
  const block_ref block = chunk_block(a, chunk) + (uint64_t)index * class_size(class);
  displace(a, class, atomic_exchange(last_freed(a, class), block));
}

static void displace_all(struct arena *a, unsigned class) {
  for (int i = 0; i < ARENA_LAST_FREED; i++)
    displace(a, class, atomic_exchange(&a->state->last_freed[class][i], 0));
}

void slab_end_unused(struct arena *a) {
  for (unsigned class = 0; class < ARENA_CLASSES; class ++) {
    displace_all(a, class);
    const uint32_t current = atomic_load(&a->state->current[class]);
    if (!current || !seems_unused(a, current - 1, class)) continue;
    arena_lock(a);
    if (atomic_load(&a->state->current[class]) == current) replace_current(a, class);
    arena_unlock(a);
    end_if_unused(a, current - 1, class);
  }
}

/* ---- after deaths ---------------------------------------------------------------------------- */

void slab_rebuild(struct arena *a, uint64_t chunk, unsigned class) {
  CHECK(class < ARENA_CLASSES && chunk + slab_chunks(class) <= chunk_count_used(a));
  struct arena_control *control = chunk_control(a, chunk);
  for (uint64_t i = 1; i < slab_chunks(class); i++)
    atomic_store(&chunk_entry(a, chunk + i)->state, state_word(CHUNK_SLAB_PART, class));
  for (uint32_t i = 0; i < class_blocks(class); i++) {
    uint32_t none = 0;
    (void)atomic_compare_exchange_strong(&control->owners[i], &none, free_word(class));
    if (atomic_load(&control->owners[i]) == free_word(class)) set_bit(control, i);
  }
  atomic_store(&chunk_entry(a, chunk)->owner, 0);
  atomic_store(&chunk_entry(a, chunk)->place, SLAB_IS_FULL);
  if (has_bits(a, chunk, class)) list_slab(a, chunk, class);
}

/* A block that may be charged is the sweeper's first. */
static void reap_block(struct arena *a, uint64_t chunk, unsigned class, uint32_t index, owner_id dead) {
  _Atomic uint32_t *owner = &chunk_control(a, chunk)->owners[index];
  const struct place place = {chunk, false, class, index, owner};
  const bool is_ours_first = place_may_be_charged(a, &place);
  if (!atomic_compare_exchange_strong(owner, &dead, is_ours_first ? a->self : free_word(class))) return;
  if (is_ours_first) {
    place_credit(a, &place);
    atomic_store(owner, free_word(class));
  }
  set_free_bit(a, chunk, class, index);
}

/* A live process may be about to take a block whose bit it has cleared: then the bit is wrong, and
 * costs one look at the owner word. */
void slab_reap(struct arena *a, uint64_t chunk, unsigned class, owner_id dead) {
  CHECK(class < ARENA_CLASSES);
  struct arena_control *control = chunk_control(a, chunk);
  for (uint32_t i = 0; i < class_blocks(class); i++) {
    uint32_t owner = atomic_load_explicit(&control->owners[i], memory_order_relaxed);
    if (owner == dead) {
      KILL_POINT("arena.reaping");
      reap_block(a, chunk, class, i, dead);
    } else if (owner == free_word(class) &&
               !(atomic_load_explicit(&control->free[i / 64], memory_order_relaxed) >> i % 64 & 1)) {
      set_free_bit(a, chunk, class, i);
    }
  }
  list_if_full(a, chunk, class);
}
