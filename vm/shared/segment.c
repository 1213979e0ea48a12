/* SPDX-License-Identifier: MIT */
/* See segment.h. Which objects this process holds is in holds.c, what the dead left in sweep.c; the
 * three share segment_private.h.
 */
#include "shared/segment.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "os/pages.h"
#include "shared/segment_private.h"
#include "sync/lock_rank.h"

enum { MAGIC = 0x6d6f6f6e };
#define SIZE_WANTED (UINT64_C(1) << 38) /* the most that an owner_id can name an object in */
#define SIZE_LEAST  (UINT64_C(1) << 26)

struct commons commons = {.lock = MUTEX_INITIALIZER, .map = {.fd = -1}};

/* What is asked where there are no commons. */
static commons_recording_word no_recording;
commons_recording_word *_Atomic commons_recording_place = &no_recording;

static uint32_t format_number(void) {
  return (uint32_t)(sizeof(struct commons_header) * 31 + sizeof(struct roster) * 7 +
                    sizeof(struct bells) * 5 + sizeof(struct object) + sizeof(pthread_mutex_t) * 13 + 4);
}

static uint64_t bells_offset(void) { return 4096; }
static uint64_t roster_offset(void) { return bells_offset() + (sizeof(struct bells) + 4095) / 4096 * 4096; }
static uint64_t arena_offset(void) { return roster_offset() + (sizeof(struct roster) + 4095) / 4096 * 4096; }

/* ---- making and joining ---------------------------------------------------------------------- */

/* Asked once: to read from /proc who one is takes a forked child a twentieth of its life. */
void commons_take_place(uint32_t slot) {
  commons.id = process_self();
  roster_move_in(commons.roster, slot, &commons.id);
  commons.slot = slot;
  commons.self = owner_of_participant(slot, roster_generation(commons.roster, slot));
}

static void point_into(const struct mapping *map) {
  commons.map = *map;
  commons.header = (struct commons_header *)(void *)map->base;
  commons.roster = (struct roster *)(void *)(map->base + roster_offset());
  atomic_store(&commons_recording_place, &commons.header->recording);
}

/* Address space may be limited (ulimit -v): a smaller commons is better than none. */
static status make_mapping(struct mapping *map) {
  status st = -ENOMEM;
  for (uint64_t size = SIZE_WANTED; size >= SIZE_LEAST; size /= 2) {
    st = mapping_make(map, size);
    if (st == STATUS_OK) return st;
  }
  return st;
}

static status make_commons(void) {
  struct mapping map;
  status st = make_mapping(&map);
  if (st) return st;
  st = mapping_commit(&map, 0, arena_offset());
  if (st) {
    mapping_destroy(&map);
    return st;
  }
  point_into(&map);
  commons.header->magic = MAGIC;
  commons.header->format = format_number();
  commons.header->size = map.size;
  robust_mutex_init(&commons.header->sweep_lock);
  robust_mutex_init(&commons.header->count_lock);
  arena_init(&commons.header->arena, &map, arena_offset(), pages_physical() / 4 * 3);
  const struct process_id id = process_self();
  uint32_t slot = 0;
  st = roster_reserve(commons.roster, &id, ROSTER_NOBODY, &slot);
  if (st) return st;
  commons_take_place(slot);
  return STATUS_OK;
}

status commons_open(void) {
  mutex_lock(&commons.lock);
  const status st = commons.users ? STATUS_OK : make_commons();
  if (st == STATUS_OK) commons.users++;
  mutex_unlock(&commons.lock);
  return st;
}

status commons_join(int fd, uint32_t slot) {
  struct mapping map;
  const status st = mapping_adopt(&map, fd);
  if (st) return st;
  const struct commons_header *header = (const struct commons_header *)(void *)map.base;
  if (header->magic != MAGIC || header->format != format_number() || header->size != map.size ||
      slot >= ROSTER_MAX) {
    mapping_destroy(&map);
    return STATUS_FOREIGN;
  }
  mutex_lock(&commons.lock);
  point_into(&map);
  commons_take_place(slot);
  commons.users++;
  mutex_unlock(&commons.lock);
  return STATUS_OK;
}

void commons_close(void) {
  mutex_lock(&commons.lock);
  if (--commons.users == 0) {
    atomic_store(&commons_recording_place, &no_recording);
    robust_mutex_unlock(&commons.roster->slots[commons.slot].life);
    mapping_destroy(&commons.map);
    commons.header = NULL;
    memory_free(commons.held);
    commons.held = NULL;
    commons.held_capacity = commons.held_count = 0;
  }
  mutex_unlock(&commons.lock);
}

/* Stands aside while another program's commons is looked at. */
static struct mapping own_map = {.fd = -1};

status commons_look(int fd) {
  struct mapping map;
  const status st = mapping_look(&map, fd);
  if (st) return st;
  const struct commons_header *header = (const struct commons_header *)(void *)map.base;
  if (map.size < SIZE_LEAST || header->magic != MAGIC || header->format != format_number() ||
      header->size != map.size) {
    mapping_forget(&map);
    return STATUS_FOREIGN;
  }
  CHECK(commons.users);
  own_map = commons.map;
  point_into(&map);
  return STATUS_OK;
}

void commons_look_away(void) {
  mapping_forget(&commons.map);
  point_into(&own_map);
}

const struct roster *commons_roster(void) { return commons.roster; }

/* ---- places and addresses -------------------------------------------------------------------- */

int commons_fd(void) { return commons.map.fd; }
uint32_t commons_slot(void) { return commons.slot; }
owner_id commons_self(void) { return commons.self; }
void *commons_at(block_ref block) { return commons.map.base + block; }
block_ref commons_ref(const void *address) {
  return (block_ref)((const uint8_t *)address - commons.map.base);
}
struct arena *commons_arena(void) {
  return &commons.header->arena;
}
struct bells *commons_bells(void) {
  return (struct bells *)(void *)(commons.map.base + bells_offset());
}
struct totals *commons_totals(void) {
  return commons.header ? &commons.header->totals : NULL;
}
const struct mapping *commons_mapping(void) { return &commons.map; }

bool commons_watch_life(uint32_t slot, struct futex_watch *watch) {
  struct roster_slot *s = &commons.roster->slots[slot];
  if ((atomic_load(&s->state) & 3) != ROSTER_LIVE) return false;
  watch->word = robust_mutex_word(&s->life);
  return robust_mutex_watch(&s->life, &watch->expected);
}

status commons_alloc(uint64_t size, block_ref *out) {
  if (memory_is_to_fail()) return -ENOMEM;
  return arena_alloc(commons_arena(), &commons.map, size, commons.self, out);
}

void commons_free(block_ref block) { arena_free(commons_arena(), &commons.map, block); }

uint64_t commons_block_size(block_ref block) { return arena_block_size(commons_arena(), block); }
uint64_t commons_committed(block_ref block) { return arena_committed(commons_arena(), &commons.map, block); }
status commons_commit(block_ref block, uint64_t size) {
  if (memory_is_to_fail()) return -ENOMEM;
  return arena_commit(commons_arena(), &commons.map, block, size);
}

void commons_validate_header(void) {
  CHECK_EQ(commons.header->magic, MAGIC);
  CHECK_EQ(commons.header->format, format_number());
  CHECK_EQ(commons.header->size, commons.map.size);
}
