/* SPDX-License-Identifier: MIT */
#include "shared/descriptor.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "os/descriptor_bag.h"
#include "shared/holds.h"
#include "shared/kill_point.h"
#include "shared/segment_private.h"
#include "sync/lock_rank.h"

struct carrier {
  struct object object;
  uint64_t size;
  uint8_t bytes[];
};

/* A number that no object has: references are offsets of blocks, which are not odd. */
static uint64_t mark_of_sweep(void) { return (uint64_t)segment.self << 1 | 1; }

static void lock_bag(void) ACQUIRES(rank_bag) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_lock_whole(&segment.header->bag_lock);
}

static void unlock_bag(void) RELEASES(rank_bag) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&segment.header->bag_lock);
}

static bool is_alive(uint64_t number) {
  struct object *o = NULL;
  return segment_find(number, OBJECT_CARRIER, &o) == STATUS_OK;
}

/* ---- dropping the dead ----------------------------------------------------------------------- */

/* Moves the first entry to the end if it is alive, and drops it otherwise. STATUS_CLOSED: it was the
 * mark, so all entries have been seen. */
static status turn_once(uint64_t mark) {
  struct bag_entry first;
  status st = descriptor_bag_rewind(segment.bag);
  if (st == STATUS_OK) st = descriptor_bag_next(segment.bag, &first);
  if (st) return st;
  if (is_alive(first.number)) st = first.fd < 0 ? -EMFILE : descriptor_bag_put(segment.bag, &first);
  descriptor_bag_close_entry(&first);
  KILL_POINT("descriptor.moved");
  if (st == STATUS_OK) st = descriptor_bag_drop(segment.bag);
  KILL_POINT("descriptor.dropped");
  if (st) return st;
  return first.number == mark ? STATUS_CLOSED : STATUS_OK;
}

static void sweep_locked(void) {
  const struct bag_entry mark = {.number = mark_of_sweep(), .fd = -1};
  if (descriptor_bag_put(segment.bag, &mark)) return; /* full: a later sweep */
  KILL_POINT("descriptor.marked");
  while (turn_once(mark.number) == STATUS_OK) continue;
}

void descriptor_sweep(void) {
  if (segment.bag < 0) return;
  lock_bag();
  sweep_locked();
  unlock_bag();
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Under one lock, so that no sweep comes between the entry and the life of its carrier. The carrier
 * is published in either case: its release then ends it. */
static status put_in_and_publish(struct object *o, int fd) {
  const struct bag_entry entry = {.number = segment_object_ref(o), .fd = fd};
  lock_bag();
  const status st = descriptor_bag_put(segment.bag, &entry);
  KILL_POINT("descriptor.put");
  segment_publish(o);
  unlock_bag();
  return st;
}

status descriptor_send(int fd, const void *bytes, size_t size, object_ref *out) {
  struct object *object = NULL;
  if (segment.bag < 0) return -ENOTSUP;
  status st = segment_make_object(OBJECT_CARRIER, sizeof(struct carrier) + size, &object);
  if (st) return st;
  struct carrier *c = (struct carrier *)(void *)object;
  c->size = size;
  if (size) memcpy(c->bytes, bytes, size);
  st = put_in_and_publish(object, fd);
  if (st)
    segment_release(object);
  else
    *out = segment_object_ref(object);
  return st;
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* STATUS_EMPTY: there is none of that number. */
static status find_locked(uint64_t number, int *fd) {
  status st = descriptor_bag_rewind(segment.bag);
  while (st == STATUS_OK) {
    struct bag_entry entry;
    st = descriptor_bag_next(segment.bag, &entry);
    if (st) return st;
    if (entry.number == number) {
      *fd = entry.fd;
      return entry.fd < 0 ? -EMFILE : STATUS_OK;
    }
    descriptor_bag_close_entry(&entry);
  }
  return st;
}

status descriptor_receive(object_ref ref, int *fd, struct bytes *bytes) {
  struct object *object = NULL;
  status st = segment_find(ref, OBJECT_CARRIER, &object);
  if (st) return st;
  const struct carrier *c = (const struct carrier *)(const void *)object;
  const uint64_t size = c->size;
  if (size > arena_block_size(segment_arena(), segment_ref(object)) - sizeof *c) return STATUS_FOREIGN;
  st = bytes_append(bytes, c->bytes, size);
  if (st) return st;
  lock_bag();
  st = find_locked(ref, fd);
  unlock_bag();
  return st == STATUS_EMPTY ? STATUS_FOREIGN : st;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The object is not alive any more. */
static void destroy(struct object *object) {
  (void)object;
  descriptor_sweep();
}

void descriptor_register_kind(void) { segment_set_destructor(OBJECT_CARRIER, destroy); }

static void validate_carrier(void *context, block_ref block) {
  (void)context;
  const struct object *o = segment_at(block);
  if (o->magic != OBJECT_MAGIC || o->kind != OBJECT_CARRIER || !object_is_live(o)) return;
  int fd = -1;
  CHECK_EQ(find_locked(segment_object_ref(o), &fd), STATUS_OK);
  const struct bag_entry entry = {.fd = fd};
  descriptor_bag_close_entry(&entry);
}

void descriptor_validate(void) {
  if (segment.bag < 0) return;
  lock_bag();
  arena_each_object(segment_arena(), validate_carrier, NULL);
  unlock_bag();
}
