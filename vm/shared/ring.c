/* SPDX-License-Identifier: MIT */
/* See ring.h for the model. In this file: waking, put, take, closing, looking. */
#include "shared/ring.h"

#include <errno.h>
#include <limits.h>

#include "base/check.h"
#include "os/clock.h"
#include "shared/attachments.h"
#include "shared/kill_point.h"
#include "shared/ring_heap.h"
#include "shared/ring_record.h"
#include "shared/ring_repair.h"
#include "shared/ring_sleep.h"
#include "shared/ring_storage.h"
#include "shared/sweep.h"
#include "shared/unfinished.h"
#include "sync/lock_rank.h"

enum {
  STAYS_MOST = 1 << 20, /* bytes of records in a ring that stays */
  WAKE_ALL = INT_MAX,
};

_Static_assert(sizeof(struct ring) <= RING_FIRST_STORAGE, "control and first storage share a block");

/* ---- locks ----------------------------------------------------------------------------------- */

static void lock_tail(struct ring *r) ACQUIRES(rank_tail) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&r->tail.lock) == ROBUST_CLEAN) return;
  ring_repair_tail(r);
  ring_wake_all(r);
}

static void lock_head(struct ring *r) ACQUIRES(rank_head) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&r->head.lock) == ROBUST_CLEAN) return;
  ring_repair_head(r);
  ring_wake_all(r);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Takes a block from the ring and frees it, unless an earlier repair has done so. */
static void drop_block(const struct ring *r, block_ref block) {
  (void)arena_free_of(segment_arena(), block, ring_owner(r));
}

static void give_block(const struct ring *r, block_ref block) {
  CHECK(arena_give(segment_arena(), block, segment_self(), ring_owner(r)));
}

/* ---- sleeping and waking --------------------------------------------------------------------- */

static void wake_watchers(struct ring *r) {
  const notify_name name = atomic_load_explicit(&r->notify_socket, memory_order_relaxed);
  if (name) notify_socket_notify(name);
  if (atomic_load_explicit(&r->watchers, memory_order_relaxed))
    wakers_wake(segment_wakers(), atomic_exchange(&r->watchers, 0));
}

void ring_set_notify_socket(struct ring *r, notify_name name) { atomic_store(&r->notify_socket, name); }

static void wake_joiners(const struct ring *r) {
  struct unfinished *u = unfinished_of(r);
  atomic_fetch_add(&u->event, 1);
  futex_wake(&u->event, WAKE_ALL);
}

void ring_wake_all(struct ring *r) {
  atomic_fetch_add(&r->tail.event, 1);
  atomic_fetch_add(&r->head.event, 1);
  futex_wake(&r->tail.event, WAKE_ALL);
  futex_wake(&r->head.event, WAKE_ALL);
  if (r->unfinished) wake_joiners(r);
  wake_watchers(r);
}

status ring_wait_readable(struct ring *r, const struct ring_wait *wait, deadline until) {
  const uint64_t head = atomic_load_explicit(&r->head.position, memory_order_relaxed);
  if (ring_spin_pays(&r->tail, head)) return STATUS_OK;
  if (deadline_passed(until)) return STATUS_TIMEOUT;
  lock_tail(r);
  const bool is_readable = ring_is_readable(r);
  uint32_t event = 0;
  if (!is_readable) {
    atomic_fetch_add_explicit(&r->tail.waiters, 1, memory_order_relaxed);
    event = atomic_load_explicit(&r->tail.event, memory_order_relaxed);
  }
  unlock_tail(r);
  return is_readable ? STATUS_OK : ring_sleep_on(&r->tail, event, wait, until);
}

/* ---- put ------------------------------------------------------------------------------------- */

struct room {
  uint64_t space;         /* the record */
  uint64_t before;        /* what is in front of it: filler up to the wrap, or a RECORD_NEXT; or 0 */
  uint64_t count;         /* messages: more than one of a batch */
  uint64_t bytes;         /* of the messages */
  struct ring_place next; /* the storage that it begins; of storage 0: it is in the tail's */
  bool is_in_heap;        /* of a sorted ring: bounds alone limit it */
};

/* By count and by bytes of messages, behind `before` others. */
static bool has_message_room(const struct ring *r, uint64_t before, uint64_t bytes) {
  if (r->max_messages &&
      atomic_load(&r->tail.count) + before - atomic_load(&r->head.count) >= r->max_messages)
    return false;
  return !r->max_bytes || atomic_load(&r->tail.bytes) - atomic_load(&r->head.bytes) + bytes <= r->max_bytes;
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* In the tail's storage, with a RECORD_NEXT behind it (C1). */
static bool has_byte_room(struct ring *r, struct room *room) REQUIRES(rank_tail) {
  const struct ring_place *place = &r->tail.place;
  const uint64_t capacity = place_capacity(place);
  const uint64_t tail = atomic_load_explicit(&r->tail.position, memory_order_relaxed);
  const uint64_t left = place_left(place, tail);
  room->before = left < room->space + RING_NEXT_SPACE ? left : 0;
  const uint64_t end = tail + room->before + room->space + RING_NEXT_SPACE;
  if (end - later(r->tail.other_seen, place->start) <= capacity) return true;
  r->tail.other_seen = atomic_load_explicit(&r->head.position, memory_order_acquire);
  return end - later(r->tail.other_seen, place->start) <= capacity;
}

/* Whether a ring that stays has no room for another record, with its head there. */
static bool is_long(const struct ring *r, uint64_t head, uint64_t space) {
  return r->growth == RING_STAYS && atomic_load(&r->tail.position) + space - head > STAYS_MOST;
}

static bool is_long_locked(struct ring *r, uint64_t space) REQUIRES(rank_tail) {
  if (!is_long(r, r->tail.other_seen, space)) return false;
  r->tail.other_seen = atomic_load_explicit(&r->head.position, memory_order_acquire);
  return is_long(r, r->tail.other_seen, space);
}

/* STATUS_FULL: the caller may wait for consumers. */
static status find_room_locked(struct ring *r, struct room *room) REQUIRES(rank_tail) {
  if (atomic_load_explicit(&r->is_closed, memory_order_relaxed)) return STATUS_CLOSED;
  if (r->max_bytes && room->bytes > r->max_bytes) return STATUS_TOO_LARGE;
  if (!has_message_room(r, 0, room->bytes)) return STATUS_FULL;
  if (room->is_in_heap) return STATUS_OK;
  if (is_long_locked(r, room->space)) return STATUS_FULL;
  if (has_byte_room(r, room)) return STATUS_OK;
  room->before = RING_NEXT_SPACE;
  const status st = storage_plan(r, &room->next);
  const bool fits_later = r->growth == RING_STAYS && place_capacity(&r->tail.place) >= room->space * 2;
  atomic_store(&r->is_short, st && fits_later);
  return st && fits_later ? STATUS_FULL : st;
}

struct outgoing { /* the content of one record */
  enum record_kind kind;
  struct ring_record text;
  block_ref block;
  uint64_t message_size;        /* of the message, inline or outside */
  const struct ring_slot *slot; /* of a sorted ring, which has no record */
};

/* Writes what is in front of the record. Returns where the record is to be. */
static struct cursor write_before(struct ring *r, const struct room *room) {
  struct cursor at = {r->tail.place, atomic_load_explicit(&r->tail.position, memory_order_relaxed)};
  if (!room->before) return at;
  struct record *record = record_at(&at);
  const bool is_filler = !room->next.storage;
  *record =
      (struct record){(uint32_t)(room->before - sizeof *record), is_filler ? RECORD_FILLER : RECORD_NEXT};
  at.position += room->before;
  if (is_filler) return at;
  memcpy((void *)(record + 1), &room->next.storage, sizeof room->next.storage);
  at.place = room->next;
  return at;
}

static void write_record(struct ring *r, const struct room *room, const struct outgoing *outgoing) {
  const struct cursor at = write_before(r, room);
  CHECK(room->space <= place_left(&at.place, at.position));
  struct record *record = record_at(&at);
  *record = (struct record){(uint32_t)record_size(&outgoing->text), outgoing->kind};
  copy_record(record + 1, &outgoing->text);
}

/* Journals and commits, in that order (I3). rank_tail is held. */
static void commit_put(struct ring *r, const struct room *room, block_ref block) REQUIRES(rank_tail) {
  struct ring_end *end = &r->tail;
  end->journal_position =
      atomic_load_explicit(&end->position, memory_order_relaxed) + room->before + room->space;
  end->journal_owner = segment_self();
  STORE_ORDER();
  end->journal_count = atomic_load_explicit(&end->count, memory_order_relaxed) + room->count;
  end->journal_bytes = atomic_load_explicit(&end->bytes, memory_order_relaxed) + room->bytes;
  end->journal_block = block;
  STORE_ORDER();
  KILL_POINT("ring.put.journaled");
  if (block) CHECK(hand_over(block, segment_self(), ring_owner(r)));
  KILL_POINT("ring.put.given");
  atomic_store_explicit(&end->processor, processor_number(), memory_order_relaxed);
  atomic_store_explicit(&end->position, end->journal_position, memory_order_release);
  KILL_POINT("ring.put.committed");
  apply_counts(end);
  STORE_ORDER();
  end->journal_block = 0;
}

/* Before the commit, so that no take has an earlier time. */
static struct ring_receipt next_receipt(const struct ring *r) REQUIRES(rank_tail) {
  return (struct ring_receipt){ring_next_number(r, &r->tail), clock_now_ns()};
}

/* Between the locks of both ends, because consumers change the heap as well. */
static status insert_locked(struct ring *r, const struct room *room, const struct outgoing *outgoing)
    REQUIRES(rank_tail) {
  struct ring_slot slot = *outgoing->slot;
  slot.number = ring_next_number(r, &r->tail);
  lock_head(r);
  const status st = ring_heap_reach(r);
  if (st == STATUS_OK) {
    ring_heap_note(r, &slot, atomic_load_explicit(&r->tail.position, memory_order_relaxed) + room->space);
    commit_put(r, room, outgoing->block);
    ring_heap_add(r);
  }
  unlock_head(r);
  return st;
}

static status append_locked(struct ring *r, const struct room *room, const struct outgoing *outgoing)
    REQUIRES(rank_tail) {
  if (room->next.storage) storage_begin(r, &room->next);
  write_record(r, room, outgoing);
  commit_put(r, room, outgoing->block);
  if (room->next.storage) storage_enter(r);
  return STATUS_OK;
}

static void end_put(struct ring *r, struct wake_note note, uint64_t count) RELEASES(rank_tail) {
  unlock_tail(r);
  KILL_POINT("ring.put.unlocked");
  ring_wake(&r->tail, note, (int)count);
  wake_watchers(r);
}

/* One attempt. STATUS_FULL: nothing changed. */
static status try_put(struct ring *r, const struct outgoing *outgoing) {
  struct room room = {.space = record_space(record_size(&outgoing->text)),
                      .count = 1,
                      .bytes = outgoing->message_size,
                      .is_in_heap = outgoing->slot != NULL};
  CHECK_EQ(room.is_in_heap, ring_is_sorted(r));
  lock_tail(r);
  KILL_POINT("ring.put.locked");
  status st = find_room_locked(r, &room);
  if (st) {
    unlock_tail(r);
    return st;
  }
  const struct wake_note note = ring_announce(&r->tail);
  if (outgoing->text.receipt) *outgoing->text.receipt = next_receipt(r);
  st = room.is_in_heap ? insert_locked(r, &room, outgoing) : append_locked(r, &room, outgoing);
  end_put(r, note, 1);
  if (room.next.storage || outgoing->block) ring_give_head_start(r);
  return st;
}

/* Checks the room again under the consumers' lock, by bytes and by count, before this thread
 * registers as a sleeper. */
static bool still_full_locked(struct ring *r, const struct outgoing *outgoing) REQUIRES(rank_head) {
  if (!has_message_room(r, 0, outgoing->message_size)) return true;
  if (outgoing->slot) return false;
  if (atomic_load(&r->is_short)) return atomic_load(&r->tail.position) != atomic_load(&r->head.position);
  return is_long(r, atomic_load(&r->head.position), record_space(record_size(&outgoing->text)));
}

static status wait_writable(struct ring *r, const struct outgoing *outgoing, deadline until) {
  if (ring_spin_pays(&r->head, atomic_load(&r->head.position))) return STATUS_OK;
  if (deadline_passed(until)) return STATUS_TIMEOUT;
  lock_head(r);
  const bool must_sleep = !ring_is_closed(r) && still_full_locked(r, outgoing);
  uint32_t event = 0;
  if (must_sleep) {
    atomic_fetch_add_explicit(&r->head.waiters, 1, memory_order_relaxed);
    event = atomic_load_explicit(&r->head.event, memory_order_relaxed);
  }
  unlock_head(r);
  return must_sleep ? ring_sleep_on(&r->head, event, NULL, until) : STATUS_OK;
}

static status put_outgoing(struct ring *r, const struct outgoing *outgoing, deadline until) {
  for (;;) {
    status st = try_put(r, outgoing);
    if (st != STATUS_FULL || deadline_is_now(until)) return st;
    st = wait_writable(r, outgoing, until);
    if (st) return st;
  }
}

static status put_outside(struct ring *r, const struct outside *outside, struct ring_receipt *receipt,
                          deadline until) {
  const struct outgoing outgoing = {
      RECORD_OUTSIDE, {NULL, 0, outside, sizeof *outside, receipt}, outside->block, outside->size, NULL};
  return put_outgoing(r, &outgoing, until);
}

static status put_copy(struct ring *r, const struct ring_record *text, const struct outside *outside,
                       deadline until) {
  copy_record(segment_at(outside->block + outside->offset), text);
  const status st = put_outside(r, outside, text->receipt, until);
  if (st) attachments_discard(outside->block);
  return st;
}

status ring_put_carrying(struct ring *r, const struct ring_record *text, const struct object_list *carried,
                         deadline until) {
  struct outside outside = {.offset = attachments_text_offset(carried->count), .size = record_size(text)};
  const status st = attachments_make(carried, outside.size, &outside.block);
  return st ? st : put_copy(r, text, &outside, until);
}

/* A long message is copied into a block before any lock is taken; only the place of the block goes
 * through the ring. */
static status put_long(struct ring *r, const struct ring_record *text, deadline until) {
  struct outside outside = {.size = record_size(text)};
  const status st = segment_alloc(outside.size, &outside.block);
  return st ? st : put_copy(r, text, &outside, until);
}

status ring_put(struct ring *r, const struct ring_record *text, deadline until) {
  if (record_size(text) > INLINE_MAX) return put_long(r, text, until);
  const struct outgoing outgoing = {RECORD_INLINE, *text, 0, record_size(text), NULL};
  return put_outgoing(r, &outgoing, until);
}

status ring_put_block(struct ring *r, const struct ring_record *text, block_ref block, deadline until) {
  uint8_t *start = segment_at(block);
  const size_t body_at = (size_t)((const uint8_t *)text->body - start);
  CHECK(body_at >= text->head_size && body_at + text->body_size <= segment_block_size(block));
  const struct outside outside = {block, body_at - text->head_size, record_size(text)};
  if (text->head_size) memcpy(start + outside.offset, text->head, text->head_size);
  return put_outside(r, &outside, text->receipt, until);
}

status ring_put_sorted(struct ring *r, const struct ring_key *key, const struct ring_record *text,
                       const struct object_list *carried, deadline until) {
  CHECK(r->is_sorted && key->size > 0);
  const size_t size = record_size(text);
  const uint64_t start = carried->count ? attachments_text_offset(carried->count) : 0;
  block_ref block = 0;
  status st = carried->count ? attachments_make(carried, key->size + size, &block)
                             : segment_alloc(key->size + size, &block);
  if (st) return st;
  memcpy(segment_at(block + start), key->bytes, key->size);
  copy_record(segment_at(block + start + key->size), text);
  const struct ring_slot slot = ring_slot_of(block, start, key->size, size);
  const struct outgoing outgoing = {RECORD_OUTSIDE, {.receipt = text->receipt}, block, size, &slot};
  st = put_outgoing(r, &outgoing, until);
  if (st) attachments_discard(block);
  return st;
}

uint64_t ring_last_number(const struct ring *r) { return atomic_load(&r->tail.count); }

/* ---- put of several -------------------------------------------------------------------------- */

/* Adds those messages behind the first one for which there is room. */
static void extend_room(struct ring *r, struct room *room, const struct ring_batch *batch, uint32_t at)
    REQUIRES(rank_tail) {
  const struct ring_place place = room->next.storage ? room->next : r->tail.place;
  const uint64_t start = atomic_load_explicit(&r->tail.position, memory_order_relaxed) + room->before;
  const uint64_t end = later(r->tail.other_seen, place.start) + place_capacity(&place);
  const uint64_t most = later(end, start) - start;
  const uint64_t left = place_left(&place, start);
  for (at += (uint32_t)room->space; at < batch->size;) {
    const uint64_t bytes = ring_batch_next(batch, &at).body_size;
    const uint64_t space = room->space + record_space(bytes);
    if (space + RING_NEXT_SPACE > (left < most ? left : most)) return;
    if (!has_message_room(r, room->count, room->bytes + bytes)) return;
    room->space = space;
    room->bytes += bytes;
    room->count++;
  }
}

/* Puts the first messages from *at on, and at least one. */
static status try_put_batch(struct ring *r, const struct ring_batch *batch, uint32_t *at, uint32_t *count) {
  uint32_t next = *at;
  const size_t size = ring_batch_next(batch, &next).body_size;
  struct room room = {.space = record_space(size), .count = 1, .bytes = size};
  lock_tail(r);
  KILL_POINT("ring.batch.locked");
  const status st = find_room_locked(r, &room);
  if (st) {
    unlock_tail(r);
    return st;
  }
  extend_room(r, &room, batch, *at);
  const struct wake_note note = ring_announce(&r->tail);
  if (room.next.storage) storage_begin(r, &room.next);
  const struct cursor to = write_before(r, &room);
  CHECK(room.space <= place_left(&to.place, to.position));
  memcpy(record_at(&to), batch->records + *at, room.space);
  commit_put(r, &room, 0);
  if (room.next.storage) storage_enter(r);
  end_put(r, note, room.count);
  if (room.next.storage) ring_give_head_start(r);
  *at += (uint32_t)room.space;
  *count += (uint32_t)room.count;
  return STATUS_OK;
}

status ring_put_batch(struct ring *r, const struct ring_batch *batch, uint32_t *count) {
  uint32_t at = 0;
  status st = STATUS_OK;
  CHECK(!r->is_sorted);
  for (*count = 0; st == STATUS_OK && at < batch->size;) st = try_put_batch(r, batch, &at, count);
  return st;
}

/* ---- take ------------------------------------------------------------------------------------ */

static void commit_take(struct ring *r, uint64_t position, uint64_t count, const struct ring_message *message,
                        _Atomic uint64_t *claim) REQUIRES(rank_head) {
  const block_ref block = message->block;
  struct ring_end *end = &r->head;
  end->journal_position = position;
  end->journal_owner = segment_self();
  STORE_ORDER();
  end->journal_count = atomic_load_explicit(&end->count, memory_order_relaxed) + count;
  end->journal_bytes = atomic_load_explicit(&end->bytes, memory_order_relaxed) + message->size;
  end->journal_block = block;
  end->journal_claim = claim ? segment_ref(claim) : 0;
  STORE_ORDER();
  if (r->unfinished) unfinished_announce_take(unfinished_of(r), segment_slot());
  if (claim) atomic_store(claim, message->number);
  KILL_POINT("ring.take.journaled");
  atomic_store_explicit(&end->processor, processor_number(), memory_order_relaxed);
  atomic_store_explicit(&end->position, position, memory_order_release);
  KILL_POINT("ring.take.committed");
  if (r->unfinished) unfinished_enter_take(unfinished_of(r));
  apply_counts(end);
  if (block) CHECK(hand_over(block, ring_owner(r), segment_self()));
  KILL_POINT("ring.take.given");
  STORE_ORDER();
  end->journal_block = 0;
  end->journal_claim = 0;
}

static bool is_empty_locked(struct ring *r) REQUIRES(rank_head) {
  const uint64_t head = atomic_load_explicit(&r->head.position, memory_order_relaxed);
  if (head < r->head.other_seen) return false;
  r->head.other_seen = atomic_load_explicit(&r->tail.position, memory_order_acquire);
  return head == r->head.other_seen;
}

static status read_outside(const uint8_t *bytes, uint32_t size, struct ring_message *out) {
  struct outside outside;
  CHECK(size >= sizeof outside);
  memcpy(&outside, bytes, sizeof outside);
  const uint64_t room = segment_block_size(outside.block);
  CHECK(outside.size <= room && outside.offset <= room - outside.size);
  const uint8_t *block = segment_at(outside.block);
  *out = (struct ring_message){block + outside.offset, outside.size, outside.block, 0};
  return STATUS_OK;
}

/* `head` is the record's, read once and checked. Without scratch bytes an inline one is not copied. */
static status read_record(struct record head, const uint8_t *bytes, struct bytes *scratch,
                          struct ring_message *out) {
  if (head.kind == RECORD_OUTSIDE) return read_outside(bytes, head.size, out);
  *out = (struct ring_message){.size = head.size};
  if (!scratch) return STATUS_OK;
  bytes_clear(scratch);
  const status st = bytes_append(scratch, bytes, head.size);
  out->data = scratch->data;
  return st;
}

/* Of a sorted ring. rank_head is held; there is a message. */
static status take_least_locked(struct ring *r, struct ring_message *out, _Atomic uint64_t *claim)
    REQUIRES(rank_head) {
  const struct ring_slot first = ring_heap_first(r);
  const struct outside outside = {first.block, ring_slot_offset(&first), first.size};
  const status st = read_outside((const uint8_t *)&outside, sizeof outside, out);
  if (st) return st;
  const uint64_t position = atomic_load_explicit(&r->head.position, memory_order_relaxed) + record_space(0);
  out->number = first.number;
  ring_heap_announce_take(r, position);
  commit_take(r, position, 1, out, claim);
  ring_heap_remove_first(r);
  return STATUS_OK;
}

/* Takes `count` messages, which end at a place. */
static void take_until(struct ring *r, const struct cursor *end, uint64_t count,
                       const struct ring_message *message, _Atomic uint64_t *claim) REQUIRES(rank_head) {
  const bool is_left = end->place.storage != r->head.place.storage;
  if (is_left) storage_announce(r, &end->place);
  commit_take(r, end->position, count, message, claim);
  if (is_left) storage_leave(r);
}

/* One attempt. rank_head is held; there is a record. */
static status take_locked(struct ring *r, struct bytes *scratch, struct ring_message *out,
                          _Atomic uint64_t *claim) REQUIRES(rank_head) {
  struct cursor at = first_record(r);
  const uint8_t *bytes = NULL;
  const struct record head = find_record(&at, &bytes);
  const status st = read_record(head, bytes, scratch, out);
  if (st) return st;
  out->number = ring_next_number(r, &r->head);
  at.position += record_space(head.size);
  take_until(r, &at, 1, out, claim);
  return STATUS_OK;
}

status ring_take_claimed(struct ring *r, struct bytes *scratch, struct ring_message *out,
                         _Atomic uint64_t *claim) {
  const bool was_closed = ring_is_closed(r);
  lock_head(r);
  KILL_POINT("ring.take.locked");
  if (is_empty_locked(r)) {
    unlock_head(r);
    return was_closed ? STATUS_CLOSED : STATUS_EMPTY;
  }
  const struct wake_note note = ring_announce(&r->head);
  const status st = r->is_sorted ? take_least_locked(r, out, claim) : take_locked(r, scratch, out, claim);
  unlock_head(r);
  KILL_POINT("ring.take.unlocked");
  ring_wake(&r->head, note, WAKE_ALL);
  return st;
}

status ring_take(struct ring *r, struct bytes *scratch, struct ring_message *out, deadline until) {
  for (;;) {
    status st = ring_take_claimed(r, scratch, out, NULL);
    if (st != STATUS_EMPTY || deadline_is_now(until)) return st;
    st = ring_wait_readable(r, NULL, until);
    if (st) return st;
  }
}

/* Copies messages. Returns the place behind the last one; *bytes is their sum. */
static struct cursor collect_locked(struct ring *r, struct ring_batch *batch, uint64_t most,
                                    bool (*is_wanted)(const uint8_t *data, size_t size), uint64_t *sum)
    REQUIRES(rank_head) {
  struct cursor end = first_record(r);
  while (batch->count < most && end.position < r->head.other_seen) {
    struct cursor at = end;
    const uint8_t *bytes = NULL;
    const struct record head = find_record(&at, &bytes);
    const bool is_far = batch->count && at.place.storage != end.place.storage;
    const struct ring_record record = {.body = bytes, .body_size = head.size};
    if (is_far || head.kind != RECORD_INLINE || !is_wanted(bytes, head.size)) break;
    if (!ring_batch_add(batch, &record)) break;
    at.position += record_space(head.size);
    *sum += head.size;
    end = at;
  }
  return end;
}

status ring_take_batch(struct ring *r, struct ring_batch *batch, uint64_t most,
                       bool (*is_wanted)(const uint8_t *data, size_t size)) {
  struct ring_message all = {0};
  uint64_t bytes = 0;
  CHECK(!r->is_sorted && !r->unfinished);
  batch->count = batch->size = 0;
  const bool was_closed = ring_is_closed(r);
  lock_head(r);
  KILL_POINT("ring.batch.locked");
  const bool is_empty = is_empty_locked(r);
  const struct cursor end = is_empty ? first_record(r) : collect_locked(r, batch, most, is_wanted, &bytes);
  if (batch->count == 0) {
    unlock_head(r);
    if (!is_empty) return STATUS_OK;
    return was_closed ? STATUS_CLOSED : STATUS_EMPTY;
  }
  all.size = bytes;
  const struct wake_note note = ring_announce(&r->head);
  take_until(r, &end, batch->count, &all, NULL);
  unlock_head(r);
  KILL_POINT("ring.take.unlocked");
  ring_wake(&r->head, note, WAKE_ALL);
  return STATUS_OK;
}

void ring_settle(struct ring *r) {
  lock_head(r);
  unlock_head(r);
}

/* ---- what was taken and is not done ---------------------------------------------------------- */

status ring_count_unfinished(struct ring *r) {
  block_ref block = 0;
  const status st = segment_alloc_vital(sizeof(struct unfinished), &block);
  if (st) return st;
  unfinished_init(segment_at(block));
  r->unfinished = block;
  STORE_ORDER();
  give_block(r, block);
  return STATUS_OK;
}

static bool is_all_done_locked(struct ring *r) REQUIRES(rank_head) {
  return is_empty_locked(r) && unfinished_open(unfinished_of(r)) <= 0;
}

/* After a change: true when the threads in ring_wait_done must be woken. */
static bool is_end_locked(struct ring *r) REQUIRES(rank_head) {
  return is_all_done_locked(r) && atomic_exchange(&unfinished_of(r)->is_awaited, 0);
}

bool ring_report_done(struct ring *r) {
  lock_head(r);
  const bool was_open = unfinished_report(unfinished_of(r), segment_slot());
  const bool is_end = is_end_locked(r);
  unlock_head(r);
  if (is_end) wake_joiners(r);
  return was_open;
}

void ring_abandon(struct ring *r, uint32_t count) {
  lock_head(r);
  unfinished_abandon(unfinished_of(r), segment_slot(), count);
  const bool is_end = is_end_locked(r);
  unlock_head(r);
  if (is_end) wake_joiners(r);
}

/* Sends again a wake-up lost with a dead process, if there is something to wake for. */
static void wake_again(struct ring_end *end) {
  if (atomic_load(&end->waiters) == atomic_load(&end->woken)) return;
  atomic_fetch_add(&end->event, 1);
  KILL_POINT("ring.forget.announced");
  futex_wake(&end->event, WAKE_ALL);
}

void ring_forget(struct ring *r, uint32_t slot) {
  lock_tail(r);
  lock_head(r);
  if (r->unfinished) unfinished_forget(unfinished_of(r), slot);
  const bool is_end = r->unfinished && is_end_locked(r);
  const bool is_readable = ring_is_readable(r);
  const bool is_writable = ring_is_closed(r) || has_message_room(r, 0, 0);
  unlock_head(r);
  unlock_tail(r);
  KILL_POINT("ring.forget.settled");
  if (is_readable) wake_again(&r->tail);
  if (is_writable) wake_again(&r->head);
  if (is_readable) wake_watchers(r);
  if (is_end) wake_joiners(r);
}

/* STATUS_EMPTY: not yet; *event is the value to sleep on. */
static status look_for_end(struct ring *r, uint64_t *abandoned, uint32_t *event) {
  struct unfinished *u = unfinished_of(r);
  lock_head(r);
  const bool is_end = is_all_done_locked(r);
  if (!is_end) atomic_store(&u->is_awaited, 1);
  *event = atomic_load(&u->event);
  *abandoned = atomic_load(&u->abandoned);
  unlock_head(r);
  return is_end ? STATUS_OK : STATUS_EMPTY;
}

/* A sleep is short enough to check again now and then: the wake-up may be lost with a dead
 * process. */
status ring_wait_done(struct ring *r, uint64_t *abandoned, deadline until) {
  futex_word *word = &unfinished_of(r)->event;
  for (;;) {
    uint32_t event = 0;
    status st = look_for_end(r, abandoned, &event);
    if (st == STATUS_OK) return st;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    st = futex_wait(word, event, deadline_earlier(until, (deadline){clock_now_ns() + LOOK_AGAIN_NS}));
    if (st == STATUS_TIMEOUT) segment_sweep();
    if (st && st != STATUS_TIMEOUT) return st;
  }
}

/* ---- making, closing, looking ---------------------------------------------------------------- */

static void init_end(struct ring_end *end) {
  memset(end, 0, sizeof *end);
  robust_mutex_init(&end->lock);
  atomic_store(&end->spin, SPIN_MOST / 2);
  atomic_store(&end->processor, UINT32_MAX);
}

status ring_make(struct ring **out, struct ring_bounds bounds, enum ring_growth growth) {
  struct object *object = NULL;
  const status st = segment_make_object(OBJECT_RING, RING_OBJECT_SIZE, &object);
  if (st) return st;
  struct ring *r = (struct ring *)(void *)object;
  r->max_messages = bounds.messages;
  r->max_bytes = bounds.bytes;
  r->growth = growth;
  atomic_store(&r->watchers, 0);
  atomic_store(&r->notify_socket, 0);
  r->unfinished = 0;
  atomic_store(&r->is_closed, 0);
  atomic_store(&r->is_short, 0);
  atomic_store(&r->patience, RING_PATIENCE_NS);
  r->is_sorted = 0;
  r->number_series = 0;
  r->heap_count = r->heap_change = r->heap_moves = 0;
  atomic_store(&r->heap, 0);
  init_end(&r->tail);
  init_end(&r->head);
  r->tail.place = r->head.place = storage_first(r);
  segment_publish(object);
  *out = r;
  return STATUS_OK;
}

/* The ring is unreachable, but a process may have died while it held a lock: locking repairs
 * that. */
void ring_fini(struct ring *r) {
  struct ring_message unread; /* memory was short, or nobody looked */
  lock_tail(r);
  lock_head(r);
  while (!r->is_sorted && !is_empty_locked(r)) CHECK_EQ(take_locked(r, NULL, &unread, NULL), STATUS_OK);
  storage_free(r);
  ring_heap_free(r);
  if (r->unfinished) drop_block(r, r->unfinished);
  totals_add_messages(segment_totals(), atomic_load(&r->tail.count), atomic_load(&r->tail.bytes));
  unlock_head(r);
  unlock_tail(r);
}

uint64_t ring_count(struct ring *r) {
  lock_tail(r);
  lock_head(r);
  const uint64_t count = atomic_load(&r->tail.count) - atomic_load(&r->head.count);
  unlock_head(r);
  unlock_tail(r);
  return count;
}

bool ring_is_readable(const struct ring *r) {
  return atomic_load(&r->tail.position) != atomic_load(&r->head.position) || ring_is_closed(r);
}

/* Registers under the producers' lock, as sleepers do (I4): a put that does not see the wakers has
 * committed before the check here. */
bool ring_watch(struct ring *r, waker_set wakers) {
  lock_tail(r);
  atomic_fetch_or(&r->watchers, wakers);
  const bool is_readable = ring_is_readable(r);
  unlock_tail(r);
  return is_readable;
}

bool ring_is_full(struct ring *r) {
  if (!r->max_messages && !r->max_bytes) return false;
  lock_tail(r);
  lock_head(r);
  const bool is_full = !has_message_room(r, 0, r->max_bytes ? 1 : 0);
  unlock_head(r);
  unlock_tail(r);
  return is_full;
}

/* Under both locks: a thread that is about to sleep reads is_closed and the event word under one of
 * them, and the close must not fall between the two reads. */
void ring_close(struct ring *r) {
  lock_tail(r);
  lock_head(r);
  atomic_store(&r->is_closed, 1);
  unlock_head(r);
  unlock_tail(r);
  ring_wake_all(r);
}

bool ring_is_closed(const struct ring *r) {
  return atomic_load_explicit(&r->is_closed, memory_order_acquire);
}

static void validate_locked(struct ring *r) REQUIRES(rank_tail) REQUIRES(rank_head) {
  if (r->is_sorted)
    ring_heap_validate(r);
  else
    ring_records_validate(r);
  CHECK_EQ(r->tail.journal_place.storage, 0);
  CHECK_EQ(r->head.journal_place.storage, 0);
  CHECK_EQ(r->tail.journal_block, 0);
  CHECK_EQ(r->head.journal_block, 0);
  if (r->unfinished) unfinished_validate(unfinished_of(r));
}

void ring_validate(struct ring *r) {
  lock_tail(r);
  lock_head(r);
  validate_locked(r);
  unlock_head(r);
  unlock_tail(r);
}
