/* SPDX-License-Identifier: MIT */
/* See segment.h. holds.c and sweep.c share segment_private.h with this file. */
#include "shared/segment.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/descriptor_bag.h"
#include "os/pages.h"
#include "os/process.h"
#include "os/thread.h"
#include "shared/segment_private.h"
#include "shared/wait_graph.h"
#include "sync/lock_rank.h"

enum { MAGIC = 0x6d6f6f6e };
#define SIZE_WANTED (UINT64_C(1) << 40) /* the most that an owner_id can address */
#define SIZE_LEAST  (UINT64_C(1) << 26)

enum { VITAL_OBJECT_MAX = 256 << 10 }; /* a barrier of some thousand parties, a small array */

_Static_assert(sizeof(struct segment_header) <= 4096, "the header is page 0");

struct segment_bounds segment_bounds;
struct segment segment = {.lock = MUTEX_INITIALIZER, .map = {.fd = -1}, .bag = -1};

/* What segment_recording and segment_profiling read while there is no segment. */
static segment_recording_word no_recording;
segment_recording_word *_Atomic segment_recording_place = &no_recording;
segment_recording_word *_Atomic segment_profiling_place = &no_recording;

static uint32_t format_number(void) {
  return (uint32_t)(sizeof(struct segment_header) * 31 + sizeof(struct process_table) * 7 +
                    sizeof(struct named_blocks) * 3 + sizeof(struct accounts) * 23 +
                    sizeof(struct wait_graph) * 29 + sizeof(struct wakers) * 5 + sizeof(struct object) +
                    sizeof(struct robust_mutex) * 13 + 5);
}

static uint64_t wakers_offset(void) { return 4096; }
uint64_t segment_process_table_offset(void) {
  return wakers_offset() + (sizeof(struct wakers) + 4095) / 4096 * 4096;
}
static uint64_t named_blocks_offset(void) {
  return segment_process_table_offset() + (sizeof(struct process_table) + 4095) / 4096 * 4096;
}
static uint64_t accounts_offset(void) {
  return named_blocks_offset() + (sizeof(struct named_blocks) + 4095) / 4096 * 4096;
}
uint64_t segment_wait_graph_offset(void) {
  return accounts_offset() + (sizeof(struct accounts) + 4095) / 4096 * 4096;
}
uint64_t segment_arena_offset(void) {
  return segment_wait_graph_offset() + (sizeof(struct wait_graph) + 4095) / 4096 * 4096;
}

bool segment_header_is_ours(const struct segment_header *h, uint64_t size) {
  const bool is_possible = size >= SIZE_LEAST && size <= SIZE_WANTED && (size & (size - 1)) == 0;
  return is_possible && h->magic == MAGIC && h->format == format_number() && h->size == size;
}

/* ---- making and joining ---------------------------------------------------------------------- */

/* Called once for each process: reading its identity from /proc takes a forked child a twentieth of
 * its lifetime. */
void segment_take_place(uint32_t slot) {
  segment.id = process_self();
  process_table_occupy(segment.processes, slot, &segment.id);
  segment.slot = slot;
  segment.self = owner_of_process(slot, process_table_generation(segment.processes, slot));
  segment.arena.self = segment.self;
}

/* In a child of the host's own fork, on its only thread: another one may have held the lock. */
static void leave_to_parent(void) {
  if (process_is_forking() || !atomic_load(&segment.is_open)) return;
  mutex_init(&segment.lock);
  atomic_store(&segment_recording_place, &no_recording);
  atomic_store(&segment_profiling_place, &no_recording);
  mapping_detach(&segment.map);
  descriptor_bag_close(segment.bag);
  segment.bag = -1;
  for (size_t i = 0; i < segment.held_capacity; i++) segment.held[i] = (struct held_object){0};
  segment.held_count = 0;
  atomic_fetch_add(&segment.epoch, 1);
  atomic_store(&segment.is_open, false);
}

static status watch_forks(void) {
  const status st = segment.is_fork_watched ? STATUS_OK : thread_on_fork(leave_to_parent);
  if (st == STATUS_OK) segment.is_fork_watched = true;
  return st;
}

static struct named_blocks *named_blocks(void) {
  return (struct named_blocks *)(void *)(segment.map.base + named_blocks_offset());
}

static void point_into(const struct mapping *map) {
  segment.map = *map;
  segment.header = (struct segment_header *)(void *)map->base;
  segment.processes = (struct process_table *)(void *)(map->base + segment_process_table_offset());
  arena_locate(&segment.arena, &segment.map, segment_arena_offset(), &segment.header->arena);
  segment.arena.accounts = (struct accounts *)(void *)(map->base + accounts_offset());
  segment_bounds = (struct segment_bounds){map->base, segment.arena.data,
                                           segment.arena.data + segment.arena.chunks * ARENA_CHUNK};
  atomic_store(&segment_recording_place, &segment.header->recording);
  atomic_store(&segment_profiling_place, &segment.header->profiling);
}

/* Address space may be limited (ulimit -v): a smaller segment is better than none. */
static status make_mapping(struct mapping *map, uint64_t wanted) {
  status st = -ENOMEM;
  for (uint64_t size = wanted; size >= SIZE_LEAST; size /= 2) {
    st = mapping_make(map, size);
    if (st == STATUS_OK) return st;
  }
  return st;
}

static status make_segment(uint64_t wanted) {
  struct mapping map;
  status st = watch_forks();
  if (st == STATUS_OK) st = make_mapping(&map, wanted);
  if (st) return st;
  st = mapping_commit(&map, 0, segment_arena_offset());
  if (st) {
    mapping_destroy(&map);
    return st;
  }
  point_into(&map);
  segment.header->magic = MAGIC;
  segment.header->format = format_number();
  segment.header->size = map.size;
  robust_mutex_init(&segment.header->sweep_lock);
  robust_mutex_init(&segment.header->count_lock);
  robust_mutex_init(&segment.header->bag_lock);
  wait_graph_init(segment_wait_graph());
  arena_init(&segment.arena, arena_share_of(pages_limit()));
  const struct process_id id = process_self();
  uint32_t slot = 0;
  st = process_table_reserve(segment.processes, &id, PROCESS_TABLE_NO_SLOT, &slot);
  if (st) return st;
  segment_take_place(slot);
  (void)!descriptor_bag_make(&segment.bag); /* without one no socket connection travels */
  named_blocks_init(named_blocks(), id.pid);
  return STATUS_OK;
}

status segment_open(void) {
  if (atomic_load(&segment.is_open)) return STATUS_OK;
  mutex_lock(&segment.lock);
  const status st = atomic_load(&segment.is_open) ? STATUS_OK : make_segment(SIZE_WANTED);
  if (st == STATUS_OK) atomic_store(&segment.is_open, true);
  mutex_unlock(&segment.lock);
  return st;
}

status segment_join(int fd, int bag, uint32_t slot) {
  struct mapping map;
  status st = watch_forks();
  if (st == STATUS_OK) st = mapping_adopt(&map, fd);
  if (st) return st;
  const struct segment_header *header = (const struct segment_header *)(void *)map.base;
  if (!segment_header_is_ours(header, map.size) || slot >= PROCESS_TABLE_MAX) {
    mapping_destroy(&map);
    return STATUS_FOREIGN;
  }
  mutex_lock(&segment.lock);
  point_into(&map);
  segment_take_place(slot);
  segment.bag = bag;
  atomic_store(&segment.is_open, true);
  mutex_unlock(&segment.lock);
  return STATUS_OK;
}

static void unmap_segment(void) {
  atomic_store(&segment_recording_place, &no_recording);
  atomic_store(&segment_profiling_place, &no_recording);
  mapping_destroy(&segment.map);
  descriptor_bag_close(segment.bag);
  segment.bag = -1;
  segment.header = NULL;
  memory_free(segment.held);
  segment.held = NULL;
  segment.held_capacity = segment.held_count = 0;
}

/* The place in the process table that fork copied is the parent's. */
status segment_leave_program(void) {
  mutex_lock(&segment.lock);
  atomic_fetch_add(&segment.epoch, 1);
  unmap_segment();
  const status st = make_segment(SIZE_LEAST);
  mutex_unlock(&segment.lock);
  return st;
}

const struct process_table *segment_process_table(void) { return segment.processes; }

/* ---- places and addresses -------------------------------------------------------------------- */

int segment_fd(void) { return segment.map.fd; }
int segment_bag(void) { return segment.bag; }
uint32_t segment_slot(void) { return segment.slot; }
owner_id segment_self(void) { return segment.self; }
void segment_check_long(block_ref at, uint64_t size) { CHECK(arena_contains(&segment.arena, at, size)); }
block_ref segment_ref(const void *address) {
  return (block_ref)((const uint8_t *)address - segment.map.base);
}
struct arena *segment_arena(void) {
  return &segment.arena;
}
bool segment_has(const void *address) {
  return atomic_load(&segment.is_open) && (uintptr_t)address - (uintptr_t)segment.map.base < segment.map.size;
}
uint32_t segment_epoch(void) { return atomic_load(&segment.epoch); }
struct wakers *segment_wakers(void) {
  (void)!segment_open();
  return (struct wakers *)(void *)(segment.map.base + wakers_offset());
}
struct totals *segment_totals(void) {
  return segment.header ? &segment.header->totals : NULL;
}
struct named_blocks *segment_named_blocks(void) {
  (void)!segment_open();
  return named_blocks();
}
struct wait_graph *segment_wait_graph(void) {
  return (struct wait_graph *)(void *)(segment.map.base + segment_wait_graph_offset());
}
bool segment_stands_still(struct standstill *seen, int64_t before_ns, struct wait_cycle *out) {
  return wait_graph_stands_still(segment_wait_graph(), segment.processes, seen, before_ns, out);
}
struct bar_rows *segment_bar_rows(void) {
  return atomic_load(&segment.is_open) ? &segment.header->bar_rows : NULL;
}
const struct mapping *segment_mapping(void) { return &segment.map; }

bool segment_watch_life(uint32_t slot, struct futex_watch *watch) {
  CHECK(slot < PROCESS_TABLE_MAX);
  struct process_table_slot *s = &segment.processes->slots[slot];
  if ((atomic_load(&s->state) & 3) != PROCESS_TABLE_LIVE) return false;
  watch->word = robust_mutex_word(&s->life);
  return robust_mutex_watch(&s->life, &watch->expected);
}

bool segment_has_process(int32_t pid) { return process_table_has(segment.processes, pid); }

/* For this process, charged to the account of this thread. */
static status take(struct arena_request request, block_ref *out) {
  const status st = segment_open();
  if (st) return st;
  request.owner = segment.self;
  request.account = account_current();
  return memory_is_to_fail() ? -ENOMEM : arena_take(segment_arena(), &request, out);
}

status segment_alloc(uint64_t size, block_ref *out) { return segment_alloc_room(size, 0, out); }

status segment_alloc_room(uint64_t size, uint64_t room, block_ref *out) {
  const struct arena_request request = {.size = size, .room = room, .use = ARENA_DATA};
  return take(request, out);
}

status segment_alloc_vital(uint64_t size, block_ref *out) {
  const struct arena_request request = {.size = size, .use = ARENA_VITAL};
  return take(request, out);
}

status segment_alloc_object(uint64_t size, block_ref *out) {
  const struct arena_request request = {
      .size = size, .use = size <= VITAL_OBJECT_MAX ? ARENA_VITAL : ARENA_DATA, .is_object = true};
  return take(request, out);
}

int64_t segment_profiled_until(void) {
  return segment.header ? atomic_load(&segment.header->profiled_until_ns) : 0;
}

bool segment_begin_profiling(uint64_t word) {
  uint64_t before = atomic_load(&segment.header->profiling);
  if (before && !atomic_load(&segment.header->profiled_until_ns)) return false;
  atomic_store(&segment.header->profiled_until_ns, 0);
  return atomic_compare_exchange_strong(&segment.header->profiling, &before, word);
}

void segment_note_request_signal(int number) {
  uint32_t none = 0;
  if (!atomic_load(&segment.is_open)) return;
  atomic_compare_exchange_strong(&segment.header->request_signal, &none, (uint32_t)number);
}

void segment_free(block_ref block) { arena_free(segment_arena(), block); }

uint64_t segment_block_size(block_ref block) { return arena_block_size(segment_arena(), block); }
uint64_t segment_committed(block_ref block) { return arena_committed(segment_arena(), block); }
status segment_commit(block_ref block, uint64_t size) {
  if (memory_is_to_fail()) return -ENOMEM;
  return arena_commit(segment_arena(), block, size, account_current());
}

status segment_open_account(uint64_t limit, struct account *out) {
  return account_open(segment.arena.accounts, segment.self, limit, out);
}

void segment_close_account(struct account *a) {
  if (a->mark) account_close(segment.arena.accounts, a);
}

status segment_charge(uint64_t bytes, charge_mark *out) {
  struct account *a = account_current();
  if (!a) return STATUS_OK;
  const status st = account_charge(segment.arena.accounts, a, bytes);
  if (st == STATUS_OK) *out = a->mark;
  return st;
}

void segment_credit(charge_mark mark, uint64_t bytes) { account_credit(segment.arena.accounts, mark, bytes); }

bool segment_refused(uint64_t *used, uint64_t *limit) {
  const struct account *a = account_current();
  if (!a || !a->has_refused) return false;
  *used = account_bytes(segment.arena.accounts, a);
  *limit = a->limit;
  return true;
}

void segment_memory(uint64_t *used, uint64_t *most) {
  *used = segment.header ? mapping_used(&segment.map) : 0;
  *most = segment.header ? segment.header->arena.bytes_max : 0;
}

void segment_validate_header(void) {
  CHECK_EQ(segment.header->magic, MAGIC);
  CHECK_EQ(segment.header->format, format_number());
  CHECK_EQ(segment.header->size, segment.map.size);
}
