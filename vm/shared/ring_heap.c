/* SPDX-License-Identifier: MIT */
#include "shared/ring_heap.h"

#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"
#include "shared/segment.h"

enum {
  LOG_LEAST = 5, /* 32 slots: a block of 2 KiB */
  LOG_MOST = 31,
  LOG_KEPT = 10,   /* an empty heap of more slots is given back */
  SLOT_SPACE = 64, /* of a slot and its place in the order */
  CHANGE_PUT = 1,
  CHANGE_TAKE = 2,
  CHANGE_BITS = 2, /* of `heap_change`; above them the slot's number */
};

/* A heap as this process sees it. */
struct view {
  struct ring_slot *slots;
  uint32_t *order;
  uint64_t capacity; /* a power of two; 0: there is no heap */
};

static block_ref word_block(uint64_t word) { return word & ~UINT64_C(255); }

static struct view view_of(uint64_t word) {
  if (!word) return (struct view){0};
  const unsigned log = word & 255;
  CHECK(log >= LOG_LEAST && log <= LOG_MOST);
  const uint64_t capacity = UINT64_C(1) << log;
  uint8_t *start = segment_bytes_at(word_block(word), capacity * SLOT_SPACE);
  void *order = start + capacity * sizeof(struct ring_slot);
  return (struct view){(struct ring_slot *)(void *)start, order, capacity};
}

static struct view view(const struct ring *r) {
  return view_of(atomic_load_explicit(&r->heap, memory_order_relaxed));
}

static struct ring_slot *slot_at(const struct view *v, uint64_t place) {
  return &v->slots[v->order[place] & (v->capacity - 1)];
}

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t word_of_key(const uint8_t *key, size_t size, size_t from) {
  uint64_t word = 0;
  for (size_t i = from; i < from + sizeof word; i++) word = word << 8 | (i < size ? key[i] : 0);
  return word;
}

struct ring_slot ring_slot_of(block_ref block, uint64_t offset, uint32_t key_size, uint64_t size) {
  const uint8_t *key = segment_bytes_at(block + offset, key_size);
  return (struct ring_slot){
      .block = block,
      .offset = offset,
      .size = size,
      .prefix = {word_of_key(key, key_size, 0), word_of_key(key, key_size, sizeof(uint64_t))},
      .key_size = key_size};
}

uint64_t ring_slot_offset(const struct ring_slot *slot) { return slot->offset + slot->key_size; }

/* Of keys whose prefixes are equal. */
static int compare_rest(const struct ring_slot *a, const struct ring_slot *b) {
  const uint32_t common = a->key_size < b->key_size ? a->key_size : b->key_size;
  const uint32_t known = sizeof a->prefix;
  if (common > known) {
    const uint8_t *left = segment_bytes_at(a->block + a->offset, common);
    const uint8_t *right = segment_bytes_at(b->block + b->offset, common);
    const int order = memcmp(left + known, right + known, common - known);
    if (order) return order;
  }
  return a->key_size < b->key_size ? -1 : a->key_size > b->key_size;
}

static bool is_before(const struct ring_slot *a, const struct ring_slot *b) {
  for (int i = 0; i < 2; i++)
    if (a->prefix[i] != b->prefix[i]) return a->prefix[i] < b->prefix[i];
  const int order = compare_rest(a, b);
  return order ? order < 0 : a->number < b->number;
}

/* ---- the order ------------------------------------------------------------------------------- */

static void exchange(const struct view *v, uint64_t a, uint64_t b) {
  const uint32_t number = v->order[a];
  v->order[a] = v->order[b];
  v->order[b] = number;
}

static void move_up(const struct view *v, uint64_t place) {
  while (place > 0) {
    const uint64_t parent = (place - 1) / 2;
    if (!is_before(slot_at(v, place), slot_at(v, parent))) return;
    exchange(v, place, parent);
    place = parent;
  }
}

static void move_down(const struct view *v, uint64_t place, uint64_t count) {
  for (;;) {
    uint64_t least = place;
    for (uint64_t child = 2 * place + 1; child <= 2 * place + 2 && child < count; child++)
      if (is_before(slot_at(v, child), slot_at(v, least))) least = child;
    if (least == place) return;
    exchange(v, place, least);
    place = least;
  }
}

/* From the slots alone (H1). Returns how many are in use. */
static uint64_t make_order(const struct view *v) {
  uint64_t used = 0;
  uint64_t unused = v->capacity;
  for (uint64_t i = 0; i < v->capacity; i++) {
    if (v->slots[i].block)
      v->order[used++] = (uint32_t)i;
    else
      v->order[--unused] = (uint32_t)i;
  }
  for (uint64_t place = used / 2; place-- > 0;) move_down(v, place, used);
  return used;
}

static uint64_t count_of(const struct ring *r, const struct view *v) {
  const uint64_t count = r->heap_count;
  CHECK(count <= v->capacity);
  return count;
}

/* The heap of a ring that has a message. */
static struct view view_of_some(const struct ring *r, uint64_t *count) {
  const struct view v = view(r);
  *count = count_of(r, &v);
  CHECK(*count > 0);
  return v;
}

/* ---- moving ---------------------------------------------------------------------------------- */

static owner_id ring_owner(const struct ring *r) { return owner_of_object(segment_ref(r)); }

static void settle_move(struct ring *r) {
  if (!r->heap_moves) return;
  const bool is_moved = atomic_load(&r->heap) == r->heap_new;
  const block_ref past = word_block(is_moved ? r->heap_old : r->heap_new);
  if (past) (void)arena_free_of(segment_arena(), past, ring_owner(r));
  STORE_ORDER();
  r->heap_moves = 0;
}

/* 0: the ring has no heap any more. */
static void move_to(struct ring *r, uint64_t word) {
  r->heap_old = atomic_load(&r->heap);
  r->heap_new = word;
  STORE_ORDER();
  r->heap_moves = 1;
  STORE_ORDER();
  KILL_POINT("ring.heap.journaled");
  if (word) CHECK(arena_give(segment_arena(), word_block(word), segment_self(), ring_owner(r)));
  KILL_POINT("ring.heap.given");
  atomic_store_explicit(&r->heap, word, memory_order_release);
  KILL_POINT("ring.heap.moved");
  settle_move(r);
}

status ring_heap_reach(struct ring *r) {
  const struct view old = view(r);
  if (count_of(r, &old) < old.capacity) return STATUS_OK;
  const unsigned log = old.capacity ? (unsigned)(atomic_load(&r->heap) & 255) + 1 : LOG_LEAST;
  if (log > LOG_MOST) return STATUS_TOO_LARGE;
  block_ref block = 0;
  const status st = segment_alloc((UINT64_C(1) << log) * SLOT_SPACE, &block);
  if (st) return st;
  const struct view new = view_of(block | log);
  CHECK(new.slots &&new.order); /* the block is not 0 */
  memset(new.slots, 0, new.capacity * sizeof *new.slots);
  if (old.capacity) {
    memcpy(new.slots, old.slots, old.capacity * sizeof *old.slots);
    memcpy(new.order, old.order, old.capacity * sizeof *old.order);
  }
  for (uint64_t i = old.capacity; i < new.capacity; i++) new.order[i] = (uint32_t)i;
  move_to(r, block | log);
  return STATUS_OK;
}

/* ---- changes --------------------------------------------------------------------------------- */

/* The position first: a change that is named has one. */
static void name_change(struct ring *r, unsigned change, uint64_t slot, uint64_t position) {
  r->heap_position = position;
  STORE_ORDER();
  r->heap_change = slot << CHANGE_BITS | change;
  STORE_ORDER();
}

static void end_change(struct ring *r) {
  STORE_ORDER();
  r->heap_change = 0;
}

void ring_heap_note(struct ring *r, const struct ring_slot *message, uint64_t position) {
  const struct view v = view(r);
  const uint64_t place = count_of(r, &v);
  CHECK(place < v.capacity);
  struct ring_slot *slot = slot_at(&v, place);
  name_change(r, CHANGE_PUT, (uint64_t)(slot - v.slots), position);
  KILL_POINT("ring.heap.named");
  struct ring_slot unused = *message;
  unused.block = 0;
  *slot = unused;
  STORE_ORDER();
  slot->block = message->block;
  KILL_POINT("ring.heap.noted");
}

void ring_heap_add(struct ring *r) {
  const struct view v = view(r);
  const uint64_t place = count_of(r, &v);
  CHECK(place < v.capacity);
  r->heap_count = place + 1;
  move_up(&v, place);
  KILL_POINT("ring.heap.added");
  end_change(r);
}

struct ring_slot ring_heap_first(const struct ring *r) {
  uint64_t count;
  const struct view v = view_of_some(r, &count);
  return *slot_at(&v, 0);
}

void ring_heap_announce_take(struct ring *r, uint64_t position) {
  uint64_t count;
  const struct view v = view_of_some(r, &count);
  name_change(r, CHANGE_TAKE, v.order[0] & (v.capacity - 1), position);
}

void ring_heap_remove_first(struct ring *r) {
  uint64_t count;
  const struct view v = view_of_some(r, &count);
  slot_at(&v, 0)->block = 0;
  KILL_POINT("ring.heap.cleared");
  const uint64_t last = count - 1;
  r->heap_count = last;
  exchange(&v, 0, last);
  move_down(&v, 0, last);
  KILL_POINT("ring.heap.removed");
  end_change(r);
  if (last == 0 && v.capacity > UINT64_C(1) << LOG_KEPT) move_to(r, 0);
}

void ring_heap_settle(struct ring *r) {
  settle_move(r);
  const struct view v = view(r);
  const uint64_t change = r->heap_change;
  if (change) {
    const bool is_put = (change & ((1 << CHANGE_BITS) - 1)) == CHANGE_PUT;
    const bool is_committed = atomic_load(is_put ? &r->tail.position : &r->head.position) == r->heap_position;
    const uint64_t slot = change >> CHANGE_BITS;
    CHECK(slot < v.capacity);
    if (is_committed != is_put) v.slots[slot].block = 0;
  }
  r->heap_count = make_order(&v);
  end_change(r);
}

void ring_heap_free(struct ring *r) {
  const block_ref block = word_block(atomic_load(&r->heap));
  if (block) (void)arena_free_of(segment_arena(), block, ring_owner(r));
}

/* ---- looking --------------------------------------------------------------------------------- */

static void validate_slot(const struct ring *r, const struct ring_slot *slot) {
  CHECK_EQ(arena_owner(segment_arena(), slot->block) & ~OWNER_CARRIES, ring_owner(r));
  CHECK(ring_slot_offset(slot) + slot->size <= segment_block_size(slot->block));
}

void ring_heap_validate(const struct ring *r) {
  const struct view v = view(r);
  const uint64_t count = count_of(r, &v);
  CHECK_EQ(count, atomic_load(&r->tail.count) - atomic_load(&r->head.count));
  CHECK_EQ(r->heap_change, 0);
  CHECK_EQ(r->heap_moves, 0);
  uint64_t sum = 0;
  for (uint64_t place = 0; place < v.capacity; place++) {
    const struct ring_slot *slot = slot_at(&v, place);
    sum += v.order[place];
    CHECK_EQ(slot->block != 0, place < count);
    if (place >= count) continue;
    validate_slot(r, slot);
    if (place) CHECK(is_before(slot_at(&v, (place - 1) / 2), slot));
  }
  if (v.capacity) CHECK_EQ(sum, v.capacity / 2 * (v.capacity - 1));
}
