/* SPDX-License-Identifier: MIT */
/* The writer's side of a lane. A thread keeps its lane in a thread-local structure, and begins anew
 * when the segment's recording word has changed.
 */
#include "trace/trace.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/thread.h"
#include "trace/lane.h"

struct trace_thread {
  uint64_t word;             /* the recording word that `chunk` belongs to; 0: none */
  struct trace_lane *lane;   /* NULL: none */
  struct trace_chunk *chunk; /* the last one */
  int64_t start_ns;
  uint64_t last_ns; /* of the last event, since the start */
  uint32_t count;
  uint32_t capacity;
  enum trace_call call; /* for which the lock will be left next */
  uint32_t vm;
  bool is_worker;
  char name[TRACE_NAME_MAX];
};

/* See vm/README.md. */
static _Thread_local struct trace_thread self;
static _Atomic uint32_t vms;
static _Atomic bool is_fork_watched;

/* In a forked child: the lane is the parent's; the thread's name and VM remain. */
static void forget_lane(void) {
  self.word = 0;
  self.lane = NULL;
  self.is_worker = false;
}

/* ---- room ------------------------------------------------------------------------------------ */

static bool alloc_within_limit(struct trace_recording *r, size_t size, block_ref *out) {
  const uint32_t capacity = trace_capacity(size);
  if (atomic_fetch_add(&r->room, capacity) + capacity <= r->limit &&
      arena_alloc(segment_arena(), size, r->owner, out) == STATUS_OK)
    return true;
  atomic_fetch_sub(&r->room, capacity);
  return false;
}

static void chunk_init(struct trace_chunk *c, size_t bytes) {
  atomic_store_explicit(&c->next, 0, memory_order_relaxed);
  c->capacity = trace_capacity(bytes);
  atomic_store_explicit(&c->count, 0, memory_order_relaxed);
}

static void use_chunk(struct trace_chunk *c) {
  self.chunk = c;
  self.count = 0;
  self.capacity = c->capacity;
}

/* Adds a chunk, because the last one is full. False: the event is dropped, and so are all further
 * ones, so that there is no gap. */
static bool grow(void) {
  struct trace_lane *lane = self.lane;
  block_ref block = 0;
  if (atomic_load_explicit(&lane->dropped, memory_order_relaxed) ||
      !alloc_within_limit(trace_recording_at(self.word), TRACE_CHUNK_BYTES, &block)) {
    atomic_fetch_add_explicit(&lane->dropped, 1, memory_order_relaxed);
    return false;
  }
  struct trace_chunk *chunk = segment_at(block);
  chunk_init(chunk, TRACE_CHUNK_BYTES);
  _Atomic block_ref *place = self.chunk == trace_lane_first(lane) ? &lane->chunks : &self.chunk->next;
  atomic_store_explicit(place, block, memory_order_release); /* pairs with cursor.c */
  use_chunk(chunk);
  return true;
}

/* ---- taking part ----------------------------------------------------------------------------- */

static void free_chunks(struct trace_lane *lane) {
  block_ref block = atomic_load(&lane->chunks);
  while (block) {
    const block_ref next = atomic_load(&((struct trace_chunk *)segment_at(block))->next);
    segment_free(block);
    block = next;
  }
}

static void lane_init(struct trace_lane *lane) {
  memset(lane, 0, sizeof *lane);
  lane->process = process_self();
  lane->thread = thread_kernel_id();
  atomic_store(&lane->vm, self.vm);
  memcpy(lane->name, self.name, sizeof lane->name);
}

static bool watch_forks(void) {
  if (atomic_load(&is_fork_watched)) return true;
  if (thread_on_fork(forget_lane)) return false;
  atomic_store(&is_fork_watched, true);
  return true;
}

static struct trace_lane *make_lane(struct trace_recording *r) {
  block_ref block = 0;
  if (!watch_forks() || !alloc_within_limit(r, TRACE_LANE_BYTES, &block)) return NULL;
  struct trace_lane *lane = segment_at(block);
  lane_init(lane);
  return lane;
}

static void push_lane(struct trace_recording *r, struct trace_lane *lane) {
  lane->next = atomic_load(&r->lanes);
  while (!atomic_compare_exchange_weak(&r->lanes, &lane->next, segment_ref(lane))) continue;
}

/* Makes the lane, new or used, empty. */
static void begin_lane(struct trace_lane *lane, uint32_t generation) {
  atomic_store(&lane->chunks, 0);
  atomic_store(&lane->dropped, 0);
  atomic_store(&lane->death_ns, 0);
  chunk_init(trace_lane_first(lane), TRACE_LANE_BYTES - sizeof *lane);
  use_chunk(trace_lane_first(lane));
  atomic_store(&lane->generation, generation);
}

static void append(uint64_t ns, enum trace_kind kind, uint64_t value) {
  if (self.count == self.capacity && !grow()) return;
  self.chunk->events[self.count] = (struct trace_event){ns << TRACE_KIND_BITS | kind, value};
  /* Pairs with the acquire in cursor.c. */
  atomic_store_explicit(&self.chunk->count, ++self.count, memory_order_release);
}

/* False: there is no room for another lane. */
static bool join(uint64_t word) {
  struct trace_recording *r = trace_recording_at(word);
  const bool had_lane = self.lane;
  struct trace_lane *lane = had_lane ? self.lane : make_lane(r);
  if (!lane) {
    atomic_fetch_add(&r->dropped, 1);
    return false;
  }
  if (had_lane) free_chunks(lane);
  begin_lane(lane, trace_generation(word));
  if (!had_lane) push_lane(r, lane);
  self.lane = lane;
  self.word = word;
  self.start_ns = r->start_ns;
  self.last_ns = 0;
  if (self.is_worker) append(0, TRACE_WORKER_START, 0); /* it started before the recording did */
  return true;
}

/* True: this thread has a lane in the current recording. */
static bool takes_part(void) {
  /* Pairs with the release of publish in recorder.c: what the word names is stored. */
  const uint64_t word = atomic_load_explicit(segment_recording_place, memory_order_acquire);
  return self.word == word ? word != 0 : word && join(word);
}

static void record_at(int64_t now, enum trace_kind kind, uint64_t value) {
  if (!takes_part()) return;
  const int64_t since_start = now - self.start_ns;
  self.last_ns = since_start > 0 ? (uint64_t)since_start : 0;
  append(self.last_ns, kind, value);
}

/* ---- marks ----------------------------------------------------------------------------------- */

void trace_record(enum trace_kind kind, uint64_t value) {
  if (kind == TRACE_LOCK_LEFT) {
    value = self.call;
    self.call = TRACE_CALL_NONE;
  }
  record_at(clock_now_ns(), kind, value);
}

void trace_record_call(enum trace_call call) { self.call = call; }

void trace_record_again(enum trace_kind kind, uint64_t value) {
  if (takes_part()) append(self.last_ns, kind, value);
}

/* A different number for each message of each ring, almost certainly: the factor spreads them over
 * 64 bits. */
static uint64_t message_id(const struct ring *ring, uint64_t number) {
  return segment_object_ref(&ring->object) + number * UINT64_C(0x9e3779b97f4a7c15);
}

void trace_record_put(const struct ring *ring, const struct ring_receipt *receipt) {
  record_at(receipt->ns, TRACE_PUT, message_id(ring, receipt->number));
}

void trace_record_take(const struct ring *ring, const struct ring_message *message) {
  trace_record(TRACE_TAKE, message_id(ring, message->number));
}

void trace_record_take_again(const struct ring *ring, const struct ring_message *message) {
  trace_record_again(TRACE_TAKE, message_id(ring, message->number));
}

void trace_record_local(enum trace_kind kind, const void *queue, uint64_t number) {
  const uint64_t name = (uint64_t)process_pid() << 48 ^ (uint64_t)(uintptr_t)queue;
  trace_record(kind, name + number * UINT64_C(0x9e3779b97f4a7c15));
}

/* ---- the thread's identity ------------------------------------------------------------------- */

uint32_t trace_number_vm(void) { return atomic_fetch_add(&vms, 1) + 1; }

static bool has_part(void) { return self.lane && self.word && self.word == segment_recording(); }

static void give_lane_up(void) {
  if (self.lane) atomic_store(&self.lane->state, TRACE_LANE_ENDED);
  self.lane = NULL;
  self.word = 0;
}

/* While nothing is recorded a thread without a VM gives up its lane, for it may live long. */
void trace_thread_runs_vm(uint32_t number) {
  if (number == 0 && !trace_is_on()) give_lane_up();
  self.vm = number;
  if (number && has_part()) atomic_store(&self.lane->vm, number);
}

void trace_thread_ends(void) { give_lane_up(); }

void trace_name_thread(const char *name) {
  snprintf(self.name, sizeof self.name, "%s", name);
  if (has_part()) memcpy(self.lane->name, self.name, sizeof self.name);
}

void trace_worker_start(void) {
  trace_mark(TRACE_WORKER_START);
  self.is_worker = true;
}

void trace_worker_end(void) {
  trace_mark(TRACE_WORKER_END);
  self.is_worker = false;
  if (has_part()) give_lane_up();
}
