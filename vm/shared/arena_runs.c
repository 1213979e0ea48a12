/* SPDX-License-Identifier: MIT */
/* Runs of 2^n chunks: a buddy system below the high-water mark. The chunks above it were never
 * used, and belong to no list.
 *
 * A run is in use from the store of its owner word to the store of 0. The store comes last when it
 * is taken and first when it is freed; lists and neighbours follow, and rebuild makes them anew
 * from the chunk table if they do not.
 */
#include <errno.h>

#include "shared/arena_private.h"
#include "shared/kill_point.h"

enum {
  WARM_BYTES_MAX = 256 << 20,
  WARM_SHARE = 8, /* at most this part of the limit is kept warm */
  TABLE_STEP = 1024,
  CHUNKS_RESERVE_SHARE = 32,
};

/* ---- lists ----------------------------------------------------------------------------------- */

void chunk_list_push(const struct arena *a, uint32_t *head, uint64_t chunk) {
  struct arena_chunk *entry = chunk_entry(a, chunk);
  entry->previous = 0;
  entry->next = *head;
  if (*head) chunk_entry(a, *head - 1)->previous = (uint32_t)chunk + 1;
  *head = (uint32_t)chunk + 1;
}

void chunk_list_remove(const struct arena *a, uint32_t *head, uint64_t chunk) {
  const struct arena_chunk *entry = chunk_entry(a, chunk);
  if (entry->next) chunk_entry(a, entry->next - 1)->previous = entry->previous;
  if (entry->previous)
    chunk_entry(a, entry->previous - 1)->next = entry->next;
  else
    *head = entry->next;
}

/* ---- free runs ------------------------------------------------------------------------------- */

uint64_t chunk_span(const struct arena *a, uint64_t chunk) {
  const uint32_t state = atomic_load(&chunk_entry(a, chunk)->state);
  const unsigned detail = state_detail(state);
  switch (state_kind(state)) {
    case CHUNK_FREE:
    case CHUNK_RUN: CHECK(detail < ARENA_ORDERS); return UINT64_C(1) << detail;
    case CHUNK_SLAB: CHECK(detail < ARENA_CLASSES); return UINT64_C(1) << class_order(detail);
    default: return 1;
  }
}

uint64_t chunk_pages(const struct arena *a, uint64_t chunk, uint64_t count) {
  uint64_t pages = 0;
  for (uint64_t i = 0; i < count; i++)
    pages += atomic_load_explicit(&chunk_entry(a, chunk + i)->committed, memory_order_relaxed);
  return pages;
}

static void set_state(const struct arena *a, uint64_t chunk, enum chunk_kind kind, unsigned detail) {
  atomic_store(&chunk_entry(a, chunk)->state, state_word(kind, detail));
}

static void push_run(struct arena *a, uint64_t chunk, unsigned order) {
  set_state(a, chunk, CHUNK_FREE, order);
  chunk_list_push(a, &a->state->runs[order], chunk);
}

static void remove_run(struct arena *a, uint64_t chunk, unsigned order) {
  chunk_list_remove(a, &a->state->runs[order], chunk);
  set_state(a, chunk, CHUNK_NONE, 0);
}

static bool is_free_run(const struct arena *a, uint64_t chunk, unsigned order) {
  return chunk + (UINT64_C(1) << order) <= chunk_count_used(a) &&
         atomic_load(&chunk_entry(a, chunk)->state) == state_word(CHUNK_FREE, order);
}

/* Merges the run with the free runs beside it. */
static void insert_run(struct arena *a, uint64_t chunk, unsigned order) {
  set_state(a, chunk, CHUNK_NONE, 0);
  for (; order + 1 < ARENA_ORDERS; order++) {
    const uint64_t buddy = chunk ^ UINT64_C(1) << order;
    if (!is_free_run(a, buddy, order)) break;
    remove_run(a, buddy, order);
    chunk &= ~(UINT64_C(1) << order);
  }
  push_run(a, chunk, order);
}

/* Chunks [from, to) as the largest runs that they form. */
static void insert_chunks(struct arena *a, uint64_t from, uint64_t to) {
  while (from < to) {
    unsigned order = from ? (unsigned)__builtin_ctzll(from) : ARENA_ORDERS - 1;
    while (order >= ARENA_ORDERS || from + (UINT64_C(1) << order) > to) order--;
    insert_run(a, from, order);
    from += UINT64_C(1) << order;
  }
}

/* ---- the lock and its repair ----------------------------------------------------------------- */

static bool is_in_use(const struct arena *a, uint64_t chunk) {
  const struct arena_chunk *entry = chunk_entry(a, chunk);
  const enum chunk_kind kind = state_kind(atomic_load(&entry->state));
  return kind == CHUNK_SLAB || (kind == CHUNK_RUN && atomic_load(&entry->owner) != 0);
}

static void forget_lists(struct arena *a) {
  struct arena_state *s = a->state;
  for (int i = 0; i < ARENA_ORDERS; i++) s->runs[i] = 0;
  for (int i = 0; i < ARENA_CLASSES; i++) {
    s->slabs[i] = 0;
    atomic_store(&s->current[i], 0);
  }
  atomic_store(&s->warm_pages, 0);
}

/* Nothing begins in [from, to): the marks of runs and slabs that ended are removed. */
static void rebuild_free(struct arena *a, uint64_t from, uint64_t to) {
  for (uint64_t i = from; i < to; i++) set_state(a, i, CHUNK_NONE, 0);
  insert_chunks(a, from, to);
  atomic_fetch_add(&a->state->warm_pages, chunk_pages(a, from, to - from));
}

static void rebuild(struct arena *a) {
  const uint64_t high = chunk_count_used(a);
  uint64_t free_from = 0;
  forget_lists(a);
  for (uint64_t chunk = 0; chunk < high;) {
    if (!is_in_use(a, chunk)) {
      chunk++;
      continue;
    }
    rebuild_free(a, free_from, chunk);
    const uint32_t state = atomic_load(&chunk_entry(a, chunk)->state);
    if (state_kind(state) == CHUNK_SLAB) slab_rebuild(a, chunk, state_detail(state));
    chunk += chunk_span(a, chunk);
    free_from = chunk;
    KILL_POINT("arena.rebuilding");
  }
  if (free_from < high) rebuild_free(a, free_from, high);
}

void arena_lock(struct arena *a) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&a->state->lock) == ROBUST_CLEAN) return;
  rebuild(a);
}

void arena_unlock(struct arena *a) NO_THREAD_SAFETY_ANALYSIS { robust_mutex_unlock(&a->state->lock); }

/* ---- taking ---------------------------------------------------------------------------------- */

static uint64_t first_free(const struct arena *a, unsigned order) {
  const uint64_t chunk = (uint64_t)a->state->runs[order] - 1;
  CHECK(is_free_run(a, chunk, order));
  return chunk;
}

/* The upper halves of a larger run return to the lists. */
static void split(struct arena *a, uint64_t chunk, unsigned from, unsigned to) {
  while (from > to) {
    from--;
    push_run(a, chunk + (UINT64_C(1) << from), from);
  }
}

/* The last chunks are a reserve as well, for address space may be scarcer than memory. */
static uint64_t chunks_for(const struct arena *a, enum arena_use use) {
  return use == ARENA_DATA ? a->chunks - a->chunks / CHUNKS_RESERVE_SHARE : a->chunks;
}

/* From above the high-water mark; the gap up to the run's alignment becomes free runs. -EAGAIN: the
 * chunk table must be longer first. */
static status take_new(struct arena *a, unsigned order, enum arena_use use, uint64_t *out) {
  const uint64_t size = UINT64_C(1) << order;
  const uint64_t high = chunk_count_used(a);
  const uint64_t chunk = (high + size - 1) / size * size;
  if (chunk + size > chunks_for(a, use)) return STATUS_FULL;
  if (chunk + size > atomic_load(&a->state->table_chunks)) return -EAGAIN;
  atomic_store(&a->state->high_water, chunk + size);
  KILL_POINT("arena.raised");
  insert_chunks(a, high, chunk);
  *out = chunk;
  return STATUS_OK;
}

static status take_locked(struct arena *a, unsigned order, owner_id owner, enum arena_use use,
                          uint64_t *out) {
  uint64_t chunk = 0;
  unsigned from = order;
  while (from < ARENA_ORDERS && !a->state->runs[from]) from++;
  if (from < ARENA_ORDERS) {
    chunk = first_free(a, from);
    remove_run(a, chunk, from);
    split(a, chunk, from, order);
    atomic_fetch_sub(&a->state->warm_pages, chunk_pages(a, chunk, UINT64_C(1) << order));
  } else {
    const status st = take_new(a, order, use, &chunk);
    if (st) return st;
  }
  KILL_POINT("arena.taking");
  struct arena_chunk *entry = chunk_entry(a, chunk);
  atomic_store(&entry->owner, 0);
  atomic_store(&entry->charge, 0);
  atomic_store(&entry->state, state_word(CHUNK_RUN, order));
  KILL_POINT("arena.marked");
  atomic_store(&entry->owner, owner);
  *out = chunk;
  return STATUS_OK;
}

static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

static status extend_table(struct arena *a, unsigned order, enum arena_use use) {
  _Atomic uint64_t *table_chunks = &a->state->table_chunks;
  uint64_t have = atomic_load(table_chunks);
  const uint64_t size = UINT64_C(1) << order;
  const uint64_t needed = smaller(chunk_count_used(a) + 2 * size + TABLE_STEP, a->chunks);
  CHECK(have <= a->chunks);
  if (needed <= have) return STATUS_OK;
  const uint64_t start = (uint64_t)((uint8_t *)a->table - a->map->base);
  const uint64_t from = start + have * sizeof(struct arena_chunk);
  const uint64_t to = start + needed * sizeof(struct arena_chunk);
  const status st = arena_commit_pages(a, from / PAGE * PAGE, to - from / PAGE * PAGE, use);
  if (st) return st;
  while (have < needed)
    if (atomic_compare_exchange_weak(table_chunks, &have, needed)) break;
  return STATUS_OK;
}

status run_take(struct arena *a, unsigned order, owner_id owner, enum arena_use use, uint64_t *out) {
  for (;;) {
    arena_lock(a);
    status st = take_locked(a, order, owner, use, out);
    arena_unlock(a);
    if (st != -EAGAIN) return st;
    st = extend_table(a, order, use);
    if (st) return st;
  }
}

/* ---- freeing --------------------------------------------------------------------------------- */

/* Gives the pages back, also those of the control pages. The run still has an owner, so that no
 * other process uses them meanwhile. */
static void cool(struct arena *a, uint64_t chunk, uint64_t count) {
  uint32_t has = 0;
  for (uint64_t i = 0; i < count; i++) {
    struct arena_chunk *entry = chunk_entry(a, chunk + i);
    atomic_store_explicit(&entry->committed, 0, memory_order_relaxed);
    const uint32_t pages = atomic_load_explicit(&entry->has_control, memory_order_relaxed);
    if (!pages) continue;
    has |= pages;
    atomic_store_explicit(&entry->has_control, 0, memory_order_relaxed);
  }
  atomic_thread_fence(memory_order_seq_cst);
  KILL_POINT("arena.trim");
  mapping_decommit(a->map, chunk_block(a, chunk), count * ARENA_CHUNK);
  if (has & CONTROL_PAGE)
    mapping_decommit(a->map, (size_t)(a->control - a->map->base) + chunk * PAGE, count * PAGE);
  if (has & CHARGE_PAGE)
    mapping_decommit(a->map, (size_t)(a->charges - a->map->base) + chunk * PAGE, count * PAGE);
  KILL_POINT("arena.trimmed");
}

static uint64_t warm_pages_max(const struct arena *a) {
  return smaller(a->state->bytes_max / WARM_SHARE, WARM_BYTES_MAX) / PAGE;
}

/* Freed runs keep their pages, because a fresh page costs more than the message in it, as long as
 * not too many are kept. */
void run_free(struct arena *a, uint64_t chunk) {
  struct arena_chunk *entry = chunk_entry(a, chunk);
  const uint64_t count = chunk_span(a, chunk);
  CHECK(chunk + count <= chunk_count_used(a));
  if (chunk_pages(a, chunk, count) + atomic_load(&a->state->warm_pages) > warm_pages_max(a))
    cool(a, chunk, count);
  KILL_POINT("arena.freeing");
  arena_lock(a);
  atomic_store(&entry->owner, 0);
  KILL_POINT("arena.freed");
  atomic_fetch_add(&a->state->warm_pages, chunk_pages(a, chunk, count));
  insert_run(a, chunk, (unsigned)__builtin_ctzll(count));
  arena_unlock(a);
}

/* The first free run with pages from `chunk` on, taken from its list; UINT64_MAX: none. */
static uint64_t take_warm(struct arena *a, uint64_t chunk) {
  const uint64_t high = chunk_count_used(a);
  for (; chunk < high; chunk += chunk_span(a, chunk)) {
    struct arena_chunk *entry = chunk_entry(a, chunk);
    const uint32_t state = atomic_load(&entry->state);
    if (state_kind(state) != CHUNK_FREE) continue;
    const uint64_t pages = chunk_pages(a, chunk, chunk_span(a, chunk));
    if (!pages) continue;
    remove_run(a, chunk, state_detail(state));
    atomic_fetch_sub(&a->state->warm_pages, pages);
    atomic_store(&entry->owner, 0);
    atomic_store(&entry->state, state_word(CHUNK_RUN, state_detail(state)));
    atomic_store(&entry->owner, a->self);
    return chunk;
  }
  return UINT64_MAX;
}

bool run_cool_next(struct arena *a, uint64_t *cursor) {
  if (!atomic_load(&a->state->warm_pages)) return false;
  arena_lock(a);
  const uint64_t chunk = take_warm(a, *cursor);
  arena_unlock(a);
  if (chunk == UINT64_MAX) return false;
  *cursor = chunk + chunk_span(a, chunk);
  cool(a, chunk, chunk_span(a, chunk));
  run_free(a, chunk);
  return true;
}
