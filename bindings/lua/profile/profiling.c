/* SPDX-License-Identifier: MIT */
/* The sheets are read through the descriptor of the segment, as those of another program would be:
 * their processes go on writing, and each record is a copy that is checked. */
#include "profile/profiling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/arguments.h"
#include "os/clock.h"
#include "os/mapping.h"
#include "profile/attaching.h"
#include "profile/sheet.h"
#include "shared/segment_view.h"
#include "state/coroutines.h"
#include "state/sampler.h"
#include "state/vm_interrupt.h"

enum { SHEETS_MOST = 16384, RECORDS_MOST = 1 << 20 };

/* ---- finding the sheets ---------------------------------------------------------------------- */

struct found {
  block_ref block;
  struct profile_sheet head;
};

struct search {
  const struct segment_view *view;
  uint32_t generation; /* 0: any */
  size_t most;
  struct found *list;
  size_t count;
  size_t capacity;
  size_t records_left; /* of all processes: each becomes a table of Lua */
};

static bool keep(struct search *s, block_ref block, const struct profile_sheet *head) {
  if (s->count == s->capacity) {
    const size_t capacity = s->capacity ? s->capacity * 2 : 64;
    struct found *list = memory_resize(s->list, capacity * sizeof *list);
    if (!list) return false;
    s->list = list;
    s->capacity = capacity;
  }
  s->list[s->count++] = (struct found){block, *head};
  return s->count < s->most;
}

static bool look_at_block(void *context, block_ref block, uint64_t size, owner_id owner) {
  struct search *s = context;
  struct profile_sheet head;
  (void)owner;
  if (size != PROFILE_SHEET_BYTES || segment_view_read(s->view, block, &head, sizeof head)) return true;
  if (head.magic != PROFILE_MAGIC || (s->generation && head.generation != s->generation)) return true;
  return keep(s, block, &head);
}

static int compare_found(const void *a, const void *b) {
  const struct profile_sheet *x = &((const struct found *)a)->head;
  const struct profile_sheet *y = &((const struct found *)b)->head;
  if (x->process.pid != y->process.pid) return x->process.pid < y->process.pid ? -1 : 1;
  if (x->process.start_time != y->process.start_time)
    return x->process.start_time < y->process.start_time ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

/* In the order of their processes and numbers. The caller frees the list. */
static status find_sheets(struct search *s) {
  const status st = segment_view_each_block(s->view, look_at_block, s);
  if (s->count) qsort(s->list, s->count, sizeof *s->list, compare_found);
  return st;
}

/* ---- reading them ---------------------------------------------------------------------------- */

static void set_number(lua_State *L, const char *name, int64_t value) {
  lua_pushwhole(L, value);
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text, size_t most) {
  lua_pushlstring(L, text, strnlen(text, most));
  lua_setfield(L, -2, name);
}

static void append(lua_State *L, int list) { lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1); }

static void set_place(lua_State *L, int place, int64_t value) {
  lua_pushwhole(L, value);
  lua_rawseti(L, -2, place);
}

static void push_stack(lua_State *L, uint32_t parent, uint32_t frame, const struct profile_times *t) {
  lua_createtable(L, PROFILE_STATE_COUNT + 3, 0);
  set_place(L, 1, parent);
  set_place(L, 2, frame);
  for (int i = 0; i < PROFILE_STATE_COUNT; i++) set_place(L, 3 + i, (int64_t)atomic_load(&t->us[i]));
  set_place(L, 3 + PROFILE_STATE_COUNT, (int64_t)atomic_load(&t->samples));
  set_place(L, 4 + PROFILE_STATE_COUNT, atomic_load(&t->last_ns));
  set_place(L, 5 + PROFILE_STATE_COUNT, (int64_t)atomic_load(&t->last_state) + 1);
}

static void push_root(lua_State *L, const struct profile_root *r) {
  push_stack(L, 0, 0, &r->times);
  set_number(L, "thread", r->thread);
  set_number(L, "vm", r->vm);
  set_number(L, "heap", (int64_t)atomic_load(&r->heap));
  set_text(L, "name", r->name, sizeof r->name);
  set_text(L, "world", r->world, sizeof r->world);
}

static void push_frame(lua_State *L, const struct profile_frame *f, size_t size) {
  const char *texts = (const char *)(f + 1);
  const size_t room = size - sizeof *f;
  const size_t source = f->source_size < room ? f->source_size : room;
  const size_t name = f->name_size < room - source ? f->name_size : room - source;
  lua_createtable(L, 5, 0);
  lua_pushlstring(L, texts, source);
  lua_rawseti(L, -2, 1);
  lua_pushlstring(L, texts + source, name);
  lua_rawseti(L, -2, 2);
  set_place(L, 3, f->line);
  set_place(L, 4, f->line_defined);
  set_place(L, 5, f->language);
}

/* Of the process that is being read: places of its lists on the stack. */
struct lists {
  int stacks;
  int frames;
  size_t *records_left;
};

static void read_record(lua_State *L, const struct lists *l, const struct profile_record *r) {
  const struct profile_node *node = (const void *)r;
  if (r->kind == PROFILE_ROOT && r->size >= sizeof(struct profile_root)) {
    push_root(L, (const void *)r);
    append(L, l->stacks);
  } else if (r->kind == PROFILE_NODE && r->size >= sizeof *node) {
    push_stack(L, node->parent, node->frame, &node->times);
    append(L, l->stacks);
  } else if (r->kind == PROFILE_FRAME && r->size >= sizeof(struct profile_frame)) {
    push_frame(L, (const void *)r, r->size);
    append(L, l->frames);
  }
}

static void read_records(lua_State *L, const struct lists *l, const uint8_t *bytes, size_t used) {
  for (size_t at = 0; at + sizeof(struct profile_record) <= used;) {
    const struct profile_record *r = (const void *)(bytes + at);
    if (r->size < sizeof *r || r->size % 8 || r->size > used - at || !*l->records_left) return;
    --*l->records_left;
    read_record(L, l, r);
    at += r->size;
  }
}

static bool is_same_process(const struct found *a, const struct found *b) {
  return a->head.process.pid == b->head.process.pid &&
         a->head.process.start_time == b->head.process.start_time;
}

/* Reads the sheets of one process; returns how many they are. */
static size_t push_process(lua_State *L, struct search *s, size_t first, uint8_t *room) {
  int64_t dropped = 0;
  size_t i = first;
  lua_newtable(L);
  lua_newtable(L);
  lua_newtable(L);
  const struct lists l = {lua_gettop(L) - 1, lua_gettop(L), &s->records_left};
  for (; i < s->count && is_same_process(&s->list[i], &s->list[first]); i++) {
    const size_t used = atomic_load(&s->list[i].head.used);
    const block_ref records = s->list[i].block + sizeof(struct profile_sheet);
    dropped += (int64_t)atomic_load(&s->list[i].head.dropped);
    if (used > PROFILE_RECORDS_MAX || segment_view_read(s->view, records, room, used)) continue;
    read_records(L, &l, room, used);
  }
  lua_setfield(L, -3, "frames");
  lua_setfield(L, -2, "stacks");
  set_number(L, "pid", s->list[first].head.process.pid);
  set_number(L, "dropped", dropped);
  return i - first;
}

/* (search) → list [-1, +1, raises] */
static int push_profile(lua_State *L) {
  struct search *s = lua_touserdata(L, 1);
  uint8_t *room = lua_newuserdata(L, PROFILE_RECORDS_MAX);
  luaL_checkstack(L, 16, NULL);
  lua_newtable(L);
  const int list = lua_gettop(L);
  for (size_t i = 0; i < s->count;) {
    i += push_process(L, s, i, room);
    append(L, list);
  }
  return 1;
}

/* [-0, +1 or 2, raises] */
static int read_through(lua_State *L, int fd, uint32_t generation, size_t most) {
  struct segment_view view;
  struct search s = {.view = &view, .generation = generation, .most = most, .records_left = RECORDS_MOST};
  status st = segment_view_open(&view, fd);
  if (st == STATUS_OK) st = find_sheets(&s);
  lua_pushcfunction(L, push_profile);
  lua_pushlightuserdata(L, &s);
  const int failed = st ? 0 : lua_pcall(L, 1, 1, 0);
  memory_free(s.list);
  if (st) return return_failure(L, st);
  if (!failed) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

int profile_read(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    return read_through(L, segment_fd(), profile_generation(segment_profiling()), SHEETS_MOST);
  int fd = -1;
  const status st = profile_find(luaL_checkinteger(L, 1), &fd);
  if (st) return profile_refusal(L, st);
  const lua_Integer most = luaL_optinteger(L, 3, SHEETS_MOST);
  const int results = read_through(L, fd, (uint32_t)luaL_checkinteger(L, 2), (size_t)most);
  mapping_drop(fd);
  return results;
}

/* ---- starting and stopping ------------------------------------------------------------------- */

/* A host's own VM, in which coroutines are not tracked until it is needed, and whose thread is bound to none. */
static void prepare_host(lua_State *L) {
  struct vm *vm = vm_of(L);
  if (!vm_thread_is_bound(vm) && vm_thread_is_free()) vm_bind_thread(vm);
  if (vm->is_adopted) vm_track_coroutines(L);
  (void)!vm_prepare_requests(); /* without a signal threads are seen where they wait */
}

int profile_start(lua_State *L) REQUIRES(rank_vm) {
  const uint32_t rate = (uint32_t)luaL_checknumber(L, 1);
  const status st = segment_open();
  if (st) return return_failure(L, st);
  /* It only has to differ from that of the profile before. */
  const uint32_t generation = (uint32_t)(clock_now_ns() >> 20 & ((1u << PROFILE_GENERATION_BITS) - 1)) | 1;
  if (!segment_begin_profiling(profile_word(segment_self(), generation, rate))) {
    lua_pushnil(L);
    lua_pushliteral(L, "the program is profiled already");
    return 2;
  }
  prepare_host(L);
  sampler_follow(L, vm_of(L));
  lua_pushboolean(L, true);
  return 1;
}

/* Living processes free theirs when they see that the profile has ended. */
static void free_sheets_of_the_dead(void) {
  struct segment_view view;
  struct search s = {.view = &view, .most = SHEETS_MOST};
  if (segment_view_open(&view, segment_fd()) == STATUS_OK && find_sheets(&s) == STATUS_OK)
    for (size_t i = 0; i < s.count; i++)
      if (!process_is_alive(&s.list[i].head.process)) segment_free(s.list[i].block);
  memory_free(s.list);
}

int profile_stop(lua_State *L) REQUIRES(rank_vm) {
  atomic_store(segment_profiling_place, 0);
  sampler_follow(L, vm_of(L));
  free_sheets_of_the_dead();
  return 0;
}

int profile_states(lua_State *L) {
#define STATE_NAME(name, text) text,
  static const char *const names[] = {PROFILE_STATES(STATE_NAME)};
  lua_createtable(L, PROFILE_STATE_COUNT, 0);
  for (int i = 0; i < PROFILE_STATE_COUNT; i++) {
    lua_pushstring(L, names[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}
