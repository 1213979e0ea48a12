/* SPDX-License-Identifier: MIT */
#include "memory/shared_memory.h"

#include <stdio.h>

#include "core/settings.h"
#include "memory/tracker.h"
#include "os/process.h"
#include "os/shared_file.h"
#include "shared/segment.h"

static const struct handle_class class;

static struct shared_file *check_file(lua_State *L) {
  struct shared_file *f = class_check(L, 1, &class);
  if (f->fd < 0) luaL_error(L, "SharedMemory: used after close");
  return f;
}

static struct shared_file *push_file(lua_State *L) {
  struct shared_file *f = lua_newuserdata(L, sizeof *f);
  *f = (struct shared_file){.fd = -1};
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  return f;
}

int shared_memory_open(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const status st = shared_file_open(push_file(L), name);
  return st ? return_failure(L, st) : 1;
}

/* ---- names that go with the program ---------------------------------------------------------- */

static bool is_program(void) { return segment_named_blocks()->program == process_pid(); }

/* The tracker knows the file before it has the name. */
static status give_name(const struct shared_file *f, const char *name, bool is_kept, bool is_of_worker,
                        charge_mark charge) {
  struct named_block block = {.maker = process_pid(),
                              .is_of_worker = is_of_worker || !is_program(),
                              .charge = charge,
                              .inode = f->inode,
                              .size = f->size};
  if (is_kept) return shared_file_give_name(f, name);
  tracker_add(name, f->inode);
  const status st = shared_file_give_name(f, name);
  snprintf(block.name, sizeof block.name, "%s", name);
  if (st)
    tracker_drop(name);
  else
    named_blocks_add(segment_named_blocks(), &block);
  return st;
}

static bool is_worker(lua_State *L) {
  settings_push(L);
  const bool has_settings = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has_settings;
}

/* A name that is kept outlives the program, and is charged until the worker ends. */
static status make_file(struct shared_file *f, const char *name, uint64_t size, bool is_kept,
                        bool is_of_worker) {
  charge_mark charge = 0;
  status st = segment_charge(size, &charge);
  if (st) return st;
  st = shared_file_make(f, size);
  if (st == STATUS_OK) st = give_name(f, name, is_kept, is_of_worker, charge);
  if (st) segment_credit(charge, size);
  return st;
}

int shared_memory_create(lua_State *L) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  const char *name = luaL_checkstring(L, 1);
  const uint64_t size = (uint64_t)luaL_checknumber(L, 2);
  const bool is_kept = lua_toboolean(L, 3), is_of_worker = is_worker(L);
  struct shared_file *f = push_file(L);
  vm_leave(vm);
  status st = make_file(f, name, size, is_kept, is_of_worker);
  vm_enter(vm);
  if (refusal_collected(L, st)) {
    vm_leave(vm);
    st = make_file(f, name, size, is_kept, is_of_worker);
    vm_enter(vm);
  }
  return st ? return_memory_failure(L, st, "SharedMemory", size) : 1;
}

int shared_memory_unlink(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  charge_mark charge = 0;
  uint64_t size = 0;
  (void)named_blocks_drop(segment_named_blocks(), name, process_pid(), &charge, &size);
  tracker_drop(name);
  segment_credit(charge, size);
  return return_status(L, shared_file_unlink(name));
}

static void end_names_of_workers(void) {
  struct named_block block;
  while (named_blocks_take_of_worker(segment_named_blocks(), &block)) {
    shared_file_unlink_if(block.name, block.inode);
    if (block.maker == process_pid()) tracker_drop(block.name);
  }
}

int shared_memory_end(lua_State *L) {
  if (is_worker(L)) {
    if (!is_program()) tracker_keep();
    return 0;
  }
  end_names_of_workers();
  tracker_end();
  return 0;
}

int shared_memory_after_fork(lua_State *L) {
  (void)L;
  tracker_forget();
  return 0;
}

/* ---- methods --------------------------------------------------------------------------------- */

/* read(offset, size) → a string. memory/memory.lua has checked the range. [-0, +1 or 2, raises] */
static int file_read(lua_State *L) {
  const struct shared_file *f = check_file(L);
  const size_t size = (size_t)luaL_checknumber(L, 3);
  char *room = lua_newuserdata(L, size ? size : 1);
  const status st = shared_file_read(f, (uint64_t)luaL_checknumber(L, 2), room, size);
  if (st) return return_failure(L, st);
  lua_pushlstring(L, room, size);
  return 1;
}

static int file_write(lua_State *L) {
  const struct shared_file *f = check_file(L);
  size_t size = 0;
  const char *bytes = luaL_checklstring(L, 3, &size);
  return return_status(L, shared_file_write(f, (uint64_t)luaL_checknumber(L, 2), bytes, size));
}

static int file_pointer(lua_State *L) {
  struct shared_file *f = check_file(L);
  const status st = shared_file_map(f);
  if (st) return return_failure(L, st);
  lua_pushlightuserdata(L, f->mapped);
  return 1;
}

static int file_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_file(L)->size);
  return 1;
}

static int file_close(lua_State *L) {
  shared_file_close(class_check(L, 1, &class));
  return 0;
}

static const luaL_Reg methods[] = {
    {"read", file_read}, {"write", file_write}, {"pointer", file_pointer}, {"size", file_size}, {NULL, NULL}};
static const struct handle_class class = {.name = "SharedMemory",
                                          .key = "manymoons.SharedMemory",
                                          .methods = methods,
                                          .close = file_close,
                                          .collect = file_close};
