/* SPDX-License-Identifier: MIT */
/* See commons.h.
 *
 * How many handles this process has on each object is counted privately, in an open-addressing
 * table under rank_program; the object knows only that we have some (object.h, I1). A thread that
 * drops our last handle and one that receives a new one meet at that lock, so the bit and the count
 * agree whenever it is free.
 */
#include "shared/commons.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "os/pages.h"
#include "shared/cargo.h"
#include "shared/kill_point.h"
#include "sync/lock_rank.h"
#include "sync/mutex.h"

enum { KINDS = 8, MAGIC = 0x6d6f6f6e };
#define SIZE_WANTED (UINT64_C(1) << 38) /* the most that an owner_id can name an object in */
#define SIZE_LEAST  (UINT64_C(1) << 26)

/* A count and the word that notes it change together: both new values stand here before `is_pending` commits
 * them, and may be stored twice. */
struct count_journal {
  block_ref count;
  uint64_t new_count;
  block_ref noted;
  uint64_t new_noted;
  _Atomic uint64_t is_pending;
};

struct commons_header {
  uint32_t magic;
  uint32_t format; /* from the sizes of what is laid out: another build refuses us */
  uint64_t size;
  commons_recording_word recording;
  struct robust_mutex sweep_lock; /* rank_sweep: one process at a time cleans up after the dead */
  struct totals totals;
  struct robust_mutex count_lock; /* rank_count */
  struct count_journal count_journal;
  struct arena arena;
};

struct held {
  block_ref object; /* 0: free place */
  uint32_t handles;
};

struct commons {
  struct mutex lock; /* rank_program: users, held, held_* */
  unsigned users;
  struct mapping map; /* one thread writes it, before anybody else can know */
  struct commons_header *header;
  struct roster *roster;
  uint32_t slot;
  owner_id self;
  struct process_id id;
  struct held *held;
  size_t held_capacity; /* a power of two, or 0 */
  size_t held_count;
  /* Each always the same: stored before the first object of its kind. */
  _Atomic(object_destructor) destroy[KINDS];
  _Atomic(object_mourner) mourn[KINDS];
};

static struct commons commons = {.lock = MUTEX_INITIALIZER, .map = {.fd = -1}};

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
static void take_place(uint32_t slot) {
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
  take_place(slot);
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
  take_place(slot);
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

/* ---- what this process holds ----------------------------------------------------------------- */

static size_t place_of(const struct held *table, size_t capacity, block_ref object) {
  size_t at = (size_t)(object / ARENA_SMALLEST * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (capacity - 1);
  while (table[at].object && table[at].object != object) at = (at + 1) & (capacity - 1);
  return at;
}

static status grow_held(void) {
  if (commons.held_count * 2 < commons.held_capacity) return STATUS_OK;
  const size_t capacity = commons.held_capacity ? commons.held_capacity * 2 : 64;
  struct held *table = memory_alloc(capacity * sizeof *table);
  if (!table) return -ENOMEM;
  for (size_t i = 0; i < commons.held_capacity; i++)
    if (commons.held[i].object) table[place_of(table, capacity, commons.held[i].object)] = commons.held[i];
  memory_free(commons.held);
  commons.held = table;
  commons.held_capacity = capacity;
  return STATUS_OK;
}

/* Deleting from open addressing without tombstones: whoever stands behind the hole moves up. */
static void remove_place(size_t at) {
  const size_t mask = commons.held_capacity - 1;
  commons.held[at] = (struct held){0};
  commons.held_count--;
  for (size_t i = (at + 1) & mask; commons.held[i].object; i = (i + 1) & mask) {
    const struct held moved = commons.held[i];
    commons.held[i] = (struct held){0};
    commons.held[place_of(commons.held, commons.held_capacity, moved.object)] = moved;
  }
}

/* True when this is the process's first handle. rank_program is held. */
static status add_handle_locked(struct object *o, bool *is_first) {
  const status st = grow_held();
  if (st) return st;
  struct held *place = &commons.held[place_of(commons.held, commons.held_capacity, commons_ref(o))];
  *is_first = place->object == 0;
  if (*is_first) {
    place->object = commons_ref(o);
    commons.held_count++;
  }
  place->handles++;
  return STATUS_OK;
}

status commons_hold(struct object *o) {
  bool is_first = false;
  mutex_lock(&commons.lock);
  const status st = add_handle_locked(o, &is_first);
  if (st == STATUS_OK && is_first) object_share(o, commons.slot);
  mutex_unlock(&commons.lock);
  return st;
}

static void apply_count(struct count_journal *j) {
  if (!atomic_load(&j->is_pending)) return;
  atomic_store((_Atomic uint64_t *)commons_at(j->count), j->new_count);
  KILL_POINT("commons.counted");
  atomic_store((_Atomic uint64_t *)commons_at(j->noted), j->new_noted);
  STORE_ORDER();
  KILL_POINT("commons.noted");
  atomic_store(&j->is_pending, 0);
}

static void lock_count(void) ACQUIRES(rank_count) NO_THREAD_SAFETY_ANALYSIS {
  struct commons_header *h = commons.header;
  if (robust_mutex_lock(&h->count_lock) == ROBUST_CLEAN) return;
  apply_count(&h->count_journal);
  robust_mutex_mark_whole(&h->count_lock);
}

static void unlock_count(void) RELEASES(rank_count) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&commons.header->count_lock);
}

/* May be done twice, the second time after a death in the first. */
static void destroy_object(struct object *o) {
  KILL_POINT("commons.destroying");
  const object_destructor destroy = atomic_load_explicit(&commons.destroy[o->kind], memory_order_acquire);
  if (destroy) destroy(o);
  KILL_POINT("commons.destroyed");
  commons_free(commons_ref(o));
}

static bool is_object(const struct object *o) {
  const block_ref block = commons_ref(o);
  return arena_owner(commons_arena(), &commons.map, block) == owner_of_object(block);
}

/* Objects end under rank_count: no count changes meanwhile, and a half-changed one is settled before its
 * block can be anything else. The object may have been ended by another already, and its block be in use
 * again: the state is read before the owner, so that what both say is of a living object. */
static bool try_end(struct object *o) {
  lock_count();
  const bool is_ended = object_is_live(o) && is_object(o) && object_try_end(o, commons.slot);
  unlock_count();
  return is_ended;
}

static void end_if_unreachable(struct object *o) {
  if (try_end(o)) destroy_object(o);
}

void commons_release(struct object *o) {
  mutex_lock(&commons.lock);
  const size_t at = place_of(commons.held, commons.held_capacity, commons_ref(o));
  const bool is_last = --commons.held[at].handles == 0;
  if (is_last) {
    remove_place(at);
    object_clear_holder(o, commons.slot);
    KILL_POINT("commons.released");
  }
  mutex_unlock(&commons.lock);
  if (is_last) end_if_unreachable(o);
}

static struct object *remove_held(enum object_kind kind) {
  struct object *found = NULL;
  mutex_lock(&commons.lock);
  for (size_t i = 0; i < commons.held_capacity && !found; i++) {
    if (!commons.held[i].object) continue;
    struct object *o = commons_at(commons.held[i].object);
    if (o->kind != kind) continue;
    found = o;
    remove_place(i);
    object_clear_holder(o, commons.slot);
  }
  mutex_unlock(&commons.lock);
  return found;
}

void commons_release_all(enum object_kind kind) {
  for (struct object *o = remove_held(kind); o; o = remove_held(kind)) end_if_unreachable(o);
}

bool commons_holds(object_ref ref, enum object_kind kind) {
  struct object *o = NULL;
  if (commons_find(ref, kind, &o)) return false;
  mutex_lock(&commons.lock);
  const bool holds = commons.held_capacity &&
                     commons.held[place_of(commons.held, commons.held_capacity, commons_ref(o))].object != 0;
  mutex_unlock(&commons.lock);
  return holds;
}

/* Nobody vouches for the object meanwhile: it may end between the look and the hold, which the
 * second look sees. */
status commons_claim(object_ref ref, enum object_kind kind) {
  struct object *o = NULL;
  if (commons_holds(ref, kind)) return STATUS_OK;
  status st = commons_find(ref, kind, &o);
  if (st == STATUS_OK) st = commons_hold(o);
  if (st) return st;
  if (commons_find(ref, kind, &o) == STATUS_OK) return STATUS_OK;
  commons_release(o);
  return STATUS_FOREIGN;
}

void commons_anchor(struct object *o, uint32_t anchor) { object_anchor(o, anchor); }

void commons_unanchor(struct object *o, uint32_t anchor) {
  object_unanchor(o, anchor);
  end_if_unreachable(o);
}

/* ---- what is in flight ----------------------------------------------------------------------- */

static bool change_count(struct object *o, _Atomic uint64_t *noted, uint64_t from, uint64_t by) {
  struct count_journal *j = &commons.header->count_journal;
  lock_count();
  const bool is_meant = atomic_load(noted) == from;
  if (is_meant) {
    j->count = commons_ref(&o->in_flight);
    j->new_count = atomic_load(&o->in_flight) + by;
    j->noted = commons_ref(noted);
    j->new_noted = from + by;
    STORE_ORDER();
    KILL_POINT("commons.count_journaled");
    atomic_store(&j->is_pending, 1);
    KILL_POINT("commons.count_committed");
    apply_count(j);
  }
  unlock_count();
  return is_meant;
}

uint64_t commons_noted(const _Atomic uint64_t *noted) {
  lock_count();
  const uint64_t value = atomic_load(noted);
  unlock_count();
  return value;
}

bool commons_count_up(struct object *o, _Atomic uint64_t *noted, uint64_t from) {
  return change_count(o, noted, from, 1);
}

bool commons_count_down(struct object *o, _Atomic uint64_t *noted, uint64_t from) {
  if (!change_count(o, noted, from, UINT64_MAX)) return false;
  end_if_unreachable(o);
  return true;
}

/* ---- objects --------------------------------------------------------------------------------- */

status commons_make_object(enum object_kind kind, uint64_t size, struct object **out) {
  block_ref block = 0;
  status st = commons_alloc(size, &block);
  if (st) return st;
  struct object *o = commons_at(block);
  object_init(o, kind);
  st = commons_hold(o);
  if (st)
    commons_free(block);
  else
    *out = o;
  return st;
}

void commons_publish(struct object *o) {
  const block_ref block = commons_ref(o);
  object_begin(o);
  KILL_POINT("commons.publishing");
  CHECK(arena_give(commons_arena(), &commons.map, block, commons.self, owner_of_object(block)));
}

enum { GENERATION_SHIFT = 48 };

object_ref commons_object_ref(const struct object *o) {
  return commons_ref(o) | (uint64_t)o->generation << GENERATION_SHIFT;
}

static block_ref block_in(object_ref ref) { return ref & ((UINT64_C(1) << GENERATION_SHIFT) - 1); }

struct object *commons_object(object_ref ref) {
  return commons_at(block_in(ref));
}

status commons_find(object_ref ref, enum object_kind kind, struct object **out) {
  const block_ref block = block_in(ref);
  if (!arena_has(commons_arena(), block) || !is_object(commons_at(block))) return STATUS_FOREIGN;
  struct object *o = commons_at(block);
  if (o->magic != OBJECT_MAGIC || o->kind != kind || o->generation != ref >> GENERATION_SHIFT)
    return STATUS_FOREIGN;
  if (!object_is_live(o)) return STATUS_FOREIGN;
  *out = o;
  return STATUS_OK;
}

void commons_set_destructor(enum object_kind kind, object_destructor destroy) {
  commons.destroy[kind] = destroy;
}

void commons_set_mourner(enum object_kind kind, object_mourner mourn) { commons.mourn[kind] = mourn; }

/* ---- children and the dead ------------------------------------------------------------------- */

status commons_reserve_slot(struct child_slot *out) {
  uint32_t slot = 0;
  status st = roster_reserve(commons.roster, &commons.id, commons.slot, &slot);
  if (st == -EAGAIN) {
    commons_sweep();
    st = roster_reserve(commons.roster, &commons.id, commons.slot, &slot);
  }
  if (st) return st;
  *out = (struct child_slot){.slot = slot, .generation = roster_generation(commons.roster, slot)};
  return STATUS_OK;
}

static bool is_passed(const struct object *o, const struct object_list *passed) {
  if (o->kind != OBJECT_PIPE_END || !passed) return true;
  for (size_t i = 0; i < passed->count; i++)
    if (passed->refs[i] == commons_object_ref(o)) return true;
  return false;
}

/* The child's bits are set before there is a child: it never holds less than it inherits. */
void commons_share_with_child(uint32_t slot, const struct object_list *passed) {
  mutex_lock(&commons.lock);
  for (size_t i = 0; i < commons.held_capacity; i++) {
    if (!commons.held[i].object) continue;
    struct object *o = commons_at(commons.held[i].object);
    if (is_passed(o, passed)) object_share(o, slot);
    KILL_POINT("commons.shared");
  }
  mutex_unlock(&commons.lock);
}

static bool is_ours(const struct object *o) { return object_has_holder(o, commons.slot); }

/* What was not passed is not ours; the copied table says it is. Removing moves others up, so each place is
 * looked at until it stays. */
void commons_after_fork(uint32_t slot) {
  take_place(slot);
  for (size_t i = 0; i < commons.held_capacity;) {
    const block_ref object = commons.held[i].object;
    if (object && !is_ours(commons_at(object)))
      remove_place(i);
    else
      i++;
  }
}

static void drop_holder(struct object *o, uint32_t slot) {
  const object_mourner mourn = atomic_load_explicit(&commons.mourn[o->kind], memory_order_acquire);
  if (mourn) mourn(o, slot);
  object_clear_holder(o, slot);
  KILL_POINT("commons.holder_dropped");
}

/* The dead process may have been the last to hold it, or just have released it, or have been
 * about to destroy it. */
static void leave_object(void *context, block_ref block) {
  const uint32_t slot = *(const uint32_t *)context;
  struct object *o = commons_at(block);
  if (o->magic != OBJECT_MAGIC) return;
  if (object_has_holder(o, slot)) drop_holder(o, slot);
  if (object_is_ended_by(o, slot))
    destroy_object(o);
  else
    end_if_unreachable(o);
}

/* Each step may be done twice, but not after the slot has a new tenant: hence the lock,
 * and the generation. */
static void sweep_slot_locked(uint32_t slot, uint32_t generation) {
  if (roster_generation(commons.roster, slot) != generation) return;
  lock_count(); /* settles what the dead one was counting */
  unlock_count();
  bells_forget(commons_bells(), slot);
  arena_each_object(commons_arena(), &commons.map, leave_object, &slot);
  arena_reap(commons_arena(), &commons.map, owner_of_participant(slot, generation));
  KILL_POINT("commons.reaped");
  cargo_reap(owner_of_participant(slot, generation));
  roster_release_unnamed(commons.roster, slot);
  roster_release(commons.roster, slot, generation);
}

/* A sweeper that died half-way left nothing that the next sweep does not do again. */
static void lock_sweep(void) ACQUIRES(rank_sweep) NO_THREAD_SAFETY_ANALYSIS {
  if (robust_mutex_lock(&commons.header->sweep_lock) == ROBUST_ABANDONED)
    robust_mutex_mark_whole(&commons.header->sweep_lock);
}

static void unlock_sweep(void) RELEASES(rank_sweep) NO_THREAD_SAFETY_ANALYSIS {
  robust_mutex_unlock(&commons.header->sweep_lock);
}

void commons_forget_child(struct child_slot child) {
  lock_sweep();
  sweep_slot_locked(child.slot, child.generation);
  unlock_sweep();
}

static void forget_visited(void *context, uint32_t slot) {
  (void)context;
  sweep_slot_locked(slot, roster_generation(commons.roster, slot));
}

void commons_sweep(void) {
  lock_sweep();
  roster_each_dead(commons.roster, forget_visited, NULL);
  unlock_sweep();
}

/* ---- what always holds ----------------------------------------------------------------------- */

static void validate_participant(owner_id owner) {
  const uint32_t slot = (owner & 0xffff) - 1;
  CHECK(slot < ROSTER_MAX);
  CHECK(!roster_is_free(commons.roster, slot));
  CHECK_EQ(owner, owner_of_participant(slot, roster_generation(commons.roster, slot)));
}

static void validate_object(const struct object *o) {
  object_validate(o);
  CHECK(arena_block_size(commons_arena(), commons_ref(o)) >= sizeof *o);
  for (uint32_t slot = 0; slot < ROSTER_MAX; slot++)
    if (object_has_holder(o, slot)) CHECK(!roster_is_free(commons.roster, slot));
}

/* Each block belongs to a participant that there is, or to an object that there is. */
static void validate_block(void *context, block_ref block, owner_id marked) {
  (void)context;
  const owner_id owner = marked & ~OWNER_CARRIES;
  if (marked & OWNER_CARRIES) cargo_validate(block);
  if (owner < owner_of_object(0)) {
    validate_participant(owner);
    return;
  }
  const block_ref object = (block_ref)(owner - owner_of_object(0)) << 8;
  CHECK(arena_has(commons_arena(), object));
  CHECK_EQ(arena_owner(commons_arena(), &commons.map, object), owner);
  if (block == object) validate_object(commons_at(object));
}

void commons_validate(void) {
  CHECK_EQ(commons.header->magic, MAGIC);
  CHECK_EQ(commons.header->format, format_number());
  CHECK_EQ(commons.header->size, commons.map.size);
  arena_validate(commons_arena(), &commons.map);
  CHECK_EQ(atomic_load(&commons.header->count_journal.is_pending), 0);
  roster_validate(commons.roster);
  bells_validate(commons_bells());
  arena_each_block(commons_arena(), &commons.map, validate_block, NULL);
}
