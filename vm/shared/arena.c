/* SPDX-License-Identifier: MIT */
/* See arena.h. Finding a block's owner word, committing pages, and the functions over all blocks. */
#include "shared/arena.h"

#include <errno.h>

#include "shared/arena_private.h"
#include "shared/kill_point.h"

enum {
  COMMIT_STEP = 16 << 10, /* of slabs, so that few takes need the system */
  RESERVE_SHARE = 32,     /* the reserve is this part of the limit, within these bounds */
  RESERVE_LEAST = 256 << 10,
  RESERVE_MOST = 64 << 20,
};

static uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

/* ---- sizes ----------------------------------------------------------------------------------- */

#define SIZE(c)   ((c) < 13 ? 64 + 16 * (c) : (16u << ((c) + 3) / 4) * (5 + ((c) + 3) % 4) / 4)
#define ORDER(c)  (SIZE(c) > 32768 ? 4 : SIZE(c) > 16384 ? 3 : SIZE(c) > 8192 ? 2 : SIZE(c) > 4096 ? 1 : 0)
#define FIT(c)    (((uint32_t)ARENA_CHUNK << ORDER(c)) / SIZE(c))
#define BLOCKS(c) (FIT(c) < SLAB_BLOCKS_MAX ? FIT(c) : SLAB_BLOCKS_MAX)
#define CLASS(c) \
  { SIZE(c), BLOCKS(c), ORDER(c), (uint32_t)(((UINT64_C(1) << 32) + SIZE(c) - 1) / SIZE(c)) }
#define FIVE(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3), CLASS((c) + 4)
const struct arena_class arena_classes[ARENA_CLASSES] = {FIVE(0),  FIVE(5),  FIVE(10), FIVE(15), FIVE(20),
                                                         FIVE(25), FIVE(30), FIVE(35), FIVE(40)};

/* ---- making ---------------------------------------------------------------------------------- */

struct arena_layout arena_layout(uint64_t size, uint64_t start) {
  const uint64_t table = round_up(start, PAGE);
  const uint64_t overhead = 2 * (uint64_t)PAGE + ARENA_CHUNK + ARENA_SLACK;
  CHECK(size > table + overhead);
  const uint64_t chunks = (size - table - overhead) / (ARENA_CHUNK + 2 * PAGE + sizeof(struct arena_chunk));
  const uint64_t control = round_up(table + chunks * sizeof(struct arena_chunk), PAGE);
  const uint64_t charges = control + chunks * PAGE;
  const uint64_t data = round_up(charges + chunks * PAGE, ARENA_CHUNK);
  CHECK(data + chunks * ARENA_CHUNK + ARENA_SLACK <= size);
  return (struct arena_layout){table, control, charges, data, chunks};
}

void arena_locate(struct arena *a, const struct mapping *m, uint64_t start, struct arena_state *state) {
  const struct arena_layout layout = arena_layout(m->size, start);
  a->map = m;
  a->state = state;
  a->table = (struct arena_chunk *)(void *)(m->base + layout.table);
  a->control = m->base + layout.control;
  a->charges = m->base + layout.charges;
  a->data = layout.data;
  a->chunks = layout.chunks;
}

#define LEFT_MOST (UINT64_C(3) << 30)

uint64_t arena_share_of(uint64_t memory) {
  const uint64_t quarter = memory / 4;
  return memory - (quarter < LEFT_MOST ? quarter : LEFT_MOST);
}

static uint64_t reserve_of(uint64_t bytes_max) {
  const uint64_t share = bytes_max / RESERVE_SHARE;
  if (share > RESERVE_MOST) return RESERVE_MOST;
  return share < RESERVE_LEAST ? RESERVE_LEAST : share;
}

void arena_init(struct arena *a, uint64_t bytes_max) {
  const uint64_t most = a->chunks * ARENA_CHUNK < bytes_max ? a->chunks * ARENA_CHUNK : bytes_max;
  robust_mutex_init(&a->state->lock);
  a->state->bytes_max = most;
  a->state->reserve = reserve_of(most);
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool find_in_slab(const struct arena *a, block_ref block, uint64_t chunk, unsigned class,
                         struct place *out) {
  if (class >= ARENA_CLASSES) return false;
  const uint64_t head = chunk & ~((UINT64_C(1) << class_order(class)) - 1);
  if (atomic_load_explicit(&chunk_entry(a, head)->state, memory_order_relaxed) !=
      state_word(CHUNK_SLAB, class))
    return false;
  const uint32_t offset = (uint32_t)(block - chunk_block(a, head));
  const uint32_t index = class_index(class, offset);
  if (index * class_size(class) != offset || index >= class_blocks(class)) return false;
  *out = (struct place){head, false, class, index, &chunk_control(a, head)->owners[index]};
  return true;
}

static bool find_run(const struct arena *a, block_ref block, uint64_t chunk, unsigned order,
                     struct place *out) {
  if (order >= ARENA_ORDERS || block != chunk_block(a, chunk)) return false;
  *out = (struct place){chunk, true, order, 0, &chunk_entry(a, chunk)->owner};
  return true;
}

static bool find_place(const struct arena *a, block_ref block, struct place *out) {
  if (block < a->data) return false;
  const uint64_t chunk = (block - a->data) / ARENA_CHUNK;
  if (chunk >= chunk_count_used(a)) return false;
  const uint32_t state = atomic_load_explicit(&chunk_entry(a, chunk)->state, memory_order_relaxed);
  switch (state_kind(state)) {
    case CHUNK_SLAB:
    case CHUNK_SLAB_PART: return find_in_slab(a, block, chunk, state_detail(state), out);
    case CHUNK_RUN: return find_run(a, block, chunk, state_detail(state), out);
    default: return false;
  }
}

/* Of a block that is surely there. */
static struct place place_of(const struct arena *a, block_ref block) {
  struct place place = {0};
  CHECK(find_place(a, block, &place));
  return place;
}

static uint64_t place_size(const struct place *p) {
  return p->is_run ? (uint64_t)ARENA_CHUNK << p->detail : class_size(p->detail);
}

bool arena_has(const struct arena *a, block_ref block) {
  struct place place;
  return find_place(a, block, &place);
}

uint64_t arena_block_size(const struct arena *a, block_ref block) {
  const struct place place = place_of(a, block);
  return place_size(&place);
}

owner_id arena_owner(const struct arena *a, block_ref block) {
  struct place place;
  if (!find_place(a, block, &place)) return 0;
  const uint32_t word = atomic_load(place.owner);
  return is_owner(word) ? word : 0;
}

void arena_prefetch(const struct arena *a, block_ref block) {
  struct place place;
  if (!find_place(a, block, &place)) return;
  __builtin_prefetch((const void *)(uintptr_t)place.owner, 1);
  if (place.is_run) return;
  __builtin_prefetch((const void *)(uintptr_t)&chunk_control(a, place.chunk)->free[place.index / 64], 1);
}

/* What was in an object, a ring, is taken: it is charged no longer. */
static bool change_owner(struct arena *a, const struct place *p, owner_id from, owner_id to) {
  const bool is_taken = (from & OWNER_OBJECT) && !(to & OWNER_OBJECT);
  if (!atomic_compare_exchange_strong(p->owner, &from, to)) return false;
  if (is_taken && place_may_be_charged(a, p)) place_credit(a, p);
  return true;
}

bool arena_hand_over(struct arena *a, block_ref block, owner_id from, owner_id to) {
  struct place place;
  CHECK(is_owner(from) && is_owner(to));
  if (!find_place(a, block, &place)) return false;
  const uint32_t mark = atomic_load(place.owner) & OWNER_CARRIES;
  return change_owner(a, &place, from | mark, to | mark);
}

bool arena_give(struct arena *a, block_ref block, owner_id from, owner_id to) {
  struct place place;
  CHECK(is_owner(from) && is_owner(to));
  return find_place(a, block, &place) && change_owner(a, &place, from, to);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static uint64_t limit_of(const struct arena *a, enum arena_use use) {
  const uint64_t most = a->state->bytes_max;
  const uint64_t reserve = use == ARENA_DATA ? a->state->reserve : 0;
  return reserve < most ? most - reserve : 0;
}

static bool fits(const struct arena *a, uint64_t size, enum arena_use use) {
  return mapping_used(a->map) + size <= limit_of(a, use);
}

/* Memory that is kept for later use goes before an allocation fails. */
static bool make_fit(struct arena *a, uint64_t size, enum arena_use use) {
  uint64_t cursor = 0;
  if (fits(a, size, use)) return true;
  slab_end_unused(a);
  while (!fits(a, size, use))
    if (!run_cool_next(a, &cursor)) return false;
  return true;
}

/* `fresh` of the bytes are not committed yet. */
static status commit_range(struct arena *a, uint64_t offset, uint64_t size, uint64_t fresh,
                           enum arena_use use) {
  uint64_t cursor = 0;
  if (!make_fit(a, fresh, use)) return -ENOMEM;
  status st = mapping_commit(a->map, offset, size);
  while (st == -ENOMEM && run_cool_next(a, &cursor)) st = mapping_commit(a->map, offset, size);
  return st;
}

status arena_commit_pages(struct arena *a, uint64_t offset, uint64_t size, enum arena_use use) {
  return commit_range(a, offset, size, size, use);
}

/* Pages that are missing: [from, to) contains all of them, `count` is their number. */
struct missing {
  uint64_t from;
  uint64_t to;
  uint64_t count;
};

static uint32_t pages_needed(const struct arena *a, uint64_t chunk, uint64_t end) {
  const uint64_t start = chunk_block(a, chunk);
  return end - start >= ARENA_CHUNK ? CHUNK_PAGES : (uint32_t)((end - start + PAGE - 1) / PAGE);
}

static struct missing find_missing(const struct arena *a, uint64_t at, uint64_t end) {
  struct missing missing = {0};
  for (uint64_t chunk = (at - a->data) / ARENA_CHUNK; chunk_block(a, chunk) < end; chunk++) {
    const uint32_t needed = pages_needed(a, chunk, end);
    const uint32_t have = atomic_load_explicit(&chunk_entry(a, chunk)->committed, memory_order_acquire);
    if (have >= needed) continue;
    if (!missing.count) missing.from = chunk_block(a, chunk) + (uint64_t)have * PAGE;
    missing.to = chunk_block(a, chunk) + (uint64_t)needed * PAGE;
    missing.count += needed - have;
  }
  return missing;
}

static void raise_committed(struct arena_chunk *entry, uint32_t pages) {
  uint32_t have = atomic_load_explicit(&entry->committed, memory_order_relaxed);
  while (have < pages)
    if (atomic_compare_exchange_weak(&entry->committed, &have, pages)) return;
}

/* The caller owns a block that reaches from `at` to `end`, or further. */
static status commit_span(struct arena *a, uint64_t at, uint64_t end, enum arena_use use) {
  const struct missing missing = find_missing(a, at, end);
  if (!missing.count) return STATUS_OK;
  const status st = commit_range(a, missing.from, missing.to - missing.from, missing.count * PAGE, use);
  if (st) return st;
  KILL_POINT("arena.committed");
  for (uint64_t chunk = (at - a->data) / ARENA_CHUNK; chunk_block(a, chunk) < end; chunk++)
    raise_committed(chunk_entry(a, chunk), pages_needed(a, chunk, end));
  return STATUS_OK;
}

/* In a slab the pages behind the block, too, as far as its chunk and a step go. */
static status commit_in_slab(struct arena *a, block_ref block, uint64_t size, enum arena_use use) {
  const uint64_t end = block + size;
  const uint64_t ample = a->data + round_up(end - a->data, COMMIT_STEP);
  if (!find_missing(a, block, end).count) return STATUS_OK;
  return commit_span(a, block, ample, use) ? commit_span(a, block, end, use) : STATUS_OK;
}

status arena_commit(struct arena *a, block_ref block, uint64_t size, struct account *account) {
  const struct place place = place_of(a, block);
  CHECK(size <= place_size(&place));
  const status st = account ? place_charge_more(a, &place, account, size) : STATUS_OK;
  return st ? st : commit_span(a, block, block + size, ARENA_DATA);
}

uint64_t arena_committed(const struct arena *a, block_ref block) {
  const uint64_t end = block + arena_block_size(a, block);
  uint64_t at = block;
  while (at < end) {
    const uint64_t chunk = (at - a->data) / ARENA_CHUNK;
    const uint32_t pages = atomic_load(&chunk_entry(a, chunk)->committed);
    const uint64_t until = chunk_block(a, chunk) + (uint64_t)pages * PAGE;
    if (until <= at) break;
    at = until;
    if (pages < CHUNK_PAGES) break;
  }
  return (at < end ? at : end) - block;
}

/* ---- taking and freeing ---------------------------------------------------------------------- */

static unsigned order_of(uint64_t size) {
  const uint64_t chunks = (size + ARENA_CHUNK - 1) / ARENA_CHUNK;
  return chunks <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(chunks - 1);
}

static status take_run(struct arena *a, const struct arena_request *r, uint64_t room, block_ref *out) {
  uint64_t chunk = 0;
  if (room > a->chunks * ARENA_CHUNK || order_of(room) >= ARENA_ORDERS) return STATUS_TOO_LARGE;
  status st = run_take(a, order_of(room), r->owner, r->use, &chunk);
  if (st) return st == STATUS_FULL ? -ENOMEM : st;
  const block_ref block = chunk_block(a, chunk);
  st = commit_span(a, block, block + r->size, r->use);
  if (st)
    run_free(a, chunk);
  else
    *out = block;
  return st;
}

static unsigned class_for(const struct arena_request *r, uint64_t room) {
  unsigned class = class_of_size(room);
  while (r->is_object && !class_has_objects(class)) class ++;
  return class;
}

static status take_small(struct arena *a, const struct arena_request *r, uint64_t room, block_ref *out) {
  const unsigned class = class_for(r, room);
  block_ref block = 0;
  status st = slab_take(a, class, r->owner, r->use, &block);
  if (st) return st == STATUS_FULL ? -ENOMEM : st;
  st = commit_in_slab(a, block, r->size, r->use);
  if (st)
    arena_free(a, block);
  else
    *out = block;
  return st;
}

static status take_uncharged(struct arena *a, const struct arena_request *r, uint64_t room, block_ref *out) {
  return room <= ARENA_SLAB_MAX ? take_small(a, r, room, out) : take_run(a, r, room, out);
}

/* The charge comes first: no memory is committed for a block that is refused. */
static status take_charged(struct arena *a, const struct arena_request *r, uint64_t room, block_ref *out) {
  const uint64_t bytes = room <= ARENA_SLAB_MAX ? class_size(class_for(r, room)) : round_up(r->size, PAGE);
  const charge_mark mark = r->account->mark;
  status st = account_charge(a->accounts, r->account, bytes);
  if (st) return st;
  KILL_POINT("arena.charged");
  block_ref block = 0;
  st = take_uncharged(a, r, room, &block);
  if (st == STATUS_OK) {
    const struct place place = place_of(a, block);
    st = place_note_charge(a, &place, mark, bytes);
    if (st) arena_free(a, block);
  }
  if (st)
    account_credit(a->accounts, mark, bytes);
  else
    *out = block;
  return st;
}

status arena_take(struct arena *a, const struct arena_request *request, block_ref *out) {
  const uint64_t room = request->room > request->size ? request->room : request->size;
  if (request->account) return take_charged(a, request, room, out);
  return take_uncharged(a, request, room, out);
}

status arena_alloc(struct arena *a, uint64_t size, owner_id owner, block_ref *out) {
  const struct arena_request request = {.size = size, .owner = owner, .use = ARENA_DATA};
  return arena_take(a, &request, out);
}

void arena_free(struct arena *a, block_ref block) {
  const struct place place = place_of(a, block);
  CHECK(is_owner(atomic_load_explicit(place.owner, memory_order_relaxed)));
  if (place_may_be_charged(a, &place)) place_credit(a, &place);
  if (place.is_run) {
    run_free(a, place.chunk);
    return;
  }
  KILL_POINT("arena.freeing");
  atomic_store_explicit(place.owner, free_word(place.detail), memory_order_release);
  slab_offer(a, place.chunk, place.detail, place.index);
}

bool arena_free_of(struct arena *a, block_ref block, owner_id owner) {
  struct place place;
  CHECK(is_owner(owner));
  if (!find_place(a, block, &place)) return false;
  const bool is_ours_first = place.is_run || place_may_be_charged(a, &place);
  const uint32_t next = is_ours_first ? a->self : free_word(place.detail);
  if (!atomic_compare_exchange_strong(place.owner, &owner, next)) return false;
  KILL_POINT("arena.freed_of");
  if (is_ours_first)
    arena_free(a, block);
  else
    slab_offer(a, place.chunk, place.detail, place.index);
  return true;
}

/* ---- all blocks ------------------------------------------------------------------------------ */

/* The sweeper owns the run from here on: if it dies, too, its own sweeper continues. */
static void reap_run(struct arena *a, uint64_t chunk, owner_id dead) {
  struct arena_chunk *entry = chunk_entry(a, chunk);
  if (atomic_load(&entry->owner) != dead) return;
  if (!atomic_compare_exchange_strong(&entry->owner, &dead, a->self)) return;
  KILL_POINT("arena.reaping");
  arena_free(a, chunk_block(a, chunk));
}

/* What is stepped over was free, or inside a block, when its first chunk was read; a block that a
 * dead process owns was there all the time. */
void arena_reap(struct arena *a, owner_id dead) {
  arena_lock(a);
  arena_unlock(a); /* completes what the dead process did under the lock */
  const uint64_t high = chunk_count_used(a);
  uint64_t span = 1;
  for (uint64_t chunk = 0; chunk < high; chunk += span) {
    const uint32_t state = atomic_load(&chunk_entry(a, chunk)->state);
    span = chunk_span(a, chunk);
    if (state_kind(state) == CHUNK_RUN) reap_run(a, chunk, dead);
    if (state_kind(state) == CHUNK_SLAB) slab_reap(a, chunk, state_detail(state), dead);
  }
}

typedef void (*block_visitor)(void *context, block_ref block, owner_id owner);

static void visit_slab(const struct arena *a, uint64_t chunk, unsigned class, block_visitor visit,
                       void *context) {
  const struct arena_control *control = chunk_control(a, chunk);
  for (uint32_t i = 0; i < class_blocks(class); i++) {
    const uint32_t owner = atomic_load(&control->owners[i]);
    if (is_owner(owner)) visit(context, chunk_block(a, chunk) + (uint64_t)i * class_size(class), owner);
  }
}

enum visits { VISIT_ALL, VISIT_OBJECT_SLABS };

static void each_block(const struct arena *a, enum visits visits, block_visitor visit, void *context) {
  const uint64_t high = chunk_count_used(a);
  uint64_t span = 1;
  for (uint64_t chunk = 0; chunk < high; chunk += span) {
    const struct arena_chunk *entry = chunk_entry(a, chunk);
    const uint32_t state = atomic_load(&entry->state);
    const uint32_t owner = atomic_load(&entry->owner);
    const unsigned detail = state_detail(state);
    span = chunk_span(a, chunk);
    if (state_kind(state) == CHUNK_RUN && owner) visit(context, chunk_block(a, chunk), owner);
    if (state_kind(state) != CHUNK_SLAB) continue;
    CHECK(detail < ARENA_CLASSES);
    if (visits == VISIT_ALL || class_has_objects(detail)) visit_slab(a, chunk, detail, visit, context);
  }
}

void arena_each_block(const struct arena *a, block_visitor visit, void *context) {
  each_block(a, VISIT_ALL, visit, context);
}

struct object_visitor {
  void (*visit)(void *context, block_ref object);
  void *context;
};

static void visit_object(void *context, block_ref block, owner_id owner) {
  const struct object_visitor *v = context;
  if (owner == owner_of_object(block) && block % ARENA_OBJECT_UNIT == 0) v->visit(v->context, block);
}

void arena_each_object(struct arena *a, void (*visit)(void *context, block_ref object), void *context) {
  struct object_visitor v = {visit, context};
  each_block(a, VISIT_OBJECT_SLABS, visit_object, &v);
}

static void count_block(void *context, block_ref block, owner_id owner) {
  (void)block;
  (void)owner;
  ++*(uint64_t *)context;
}

uint64_t arena_used(const struct arena *a) {
  uint64_t used = 0;
  each_block(a, VISIT_ALL, count_block, &used);
  return used;
}

struct measure {
  const struct arena *arena;
  struct arena_figures *figures;
};

static void measure_block(void *context, block_ref block, owner_id owner) {
  const struct measure *m = context;
  (void)owner;
  m->figures->blocks++;
  m->figures->block_bytes += arena_committed(m->arena, block);
}

void arena_measure(const struct arena *a, struct arena_figures *out) {
  *out = (struct arena_figures){.bytes_max = a->state->bytes_max,
                                .committed = mapping_used(a->map),
                                .warm = atomic_load(&a->state->warm_pages) * PAGE};
  struct measure m = {a, out};
  each_block(a, VISIT_ALL, measure_block, &m);
}

/* ---- validation ------------------------------------------------------------------------------ */

static void validate_slab(const struct arena *a, uint64_t chunk, unsigned class) {
  const struct arena_control *control = chunk_control(a, chunk);
  const struct arena_chunk *entry = chunk_entry(a, chunk);
  bool has_free = false;
  CHECK(class < ARENA_CLASSES && atomic_load(&entry->has_control));
  for (uint32_t i = 0; i < class_blocks(class); i++) {
    const uint32_t owner = atomic_load(&control->owners[i]);
    const bool is_offered = atomic_load(&control->free[i / 64]) >> i % 64 & 1;
    CHECK(is_owner(owner) || owner == free_word(class));
    has_free = has_free || (is_offered && !is_owner(owner));
  }
  CHECK(!has_free || atomic_load(&entry->place) != SLAB_IS_FULL);
}

static uint64_t count_list(const struct arena *a, uint32_t first, uint32_t state) {
  uint64_t count = 0;
  uint32_t previous = 0;
  for (uint32_t at = first; at; at = chunk_entry(a, at - 1)->next) {
    CHECK_EQ(atomic_load(&chunk_entry(a, at - 1)->state), state);
    CHECK_EQ(chunk_entry(a, at - 1)->previous, previous);
    CHECK(++count <= a->chunks);
    previous = at;
  }
  return count;
}

void arena_validate(const struct arena *a) {
  const struct arena_state *s = a->state;
  uint64_t free_runs = 0;
  uint64_t listed = 0;
  uint64_t warm = 0;
  for (uint64_t chunk = 0; chunk < chunk_count_used(a); chunk += chunk_span(a, chunk)) {
    const struct arena_chunk *entry = chunk_entry(a, chunk);
    const uint32_t state = atomic_load(&entry->state);
    CHECK(chunk + chunk_span(a, chunk) <= chunk_count_used(a));
    CHECK(state_kind(state) != CHUNK_NONE && state_kind(state) != CHUNK_SLAB_PART);
    if (state_kind(state) == CHUNK_RUN) CHECK(is_owner(atomic_load(&entry->owner)));
    if (state_kind(state) == CHUNK_FREE) {
      free_runs++;
      warm += chunk_pages(a, chunk, chunk_span(a, chunk));
    } else if (state_kind(state) == CHUNK_SLAB) {
      validate_slab(a, chunk, state_detail(state));
      listed += atomic_load(&entry->place) == SLAB_IS_LISTED;
    }
  }
  for (unsigned i = 0; i < ARENA_ORDERS; i++)
    free_runs -= count_list(a, s->runs[i], state_word(CHUNK_FREE, i));
  for (unsigned i = 0; i < ARENA_CLASSES; i++)
    listed -= count_list(a, s->slabs[i], state_word(CHUNK_SLAB, i));
  CHECK_EQ(free_runs, 0);
  CHECK_EQ(listed, 0);
  CHECK_EQ(warm, atomic_load(&s->warm_pages));
}
