/* SPDX-License-Identifier: MIT */
#include "memory/shared_memory.h"

#include "os/shared_file.h"

static const struct handle_class class;

static struct shared_file *check_file(lua_State *L) {
  struct shared_file *f = class_check(L, 1, &class);
  if (f->fd < 0) luaL_error(L, "SharedMemory: used after close");
  return f;
}

int shared_memory_open(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  struct shared_file *f = lua_newuserdata(L, sizeof *f);
  *f = (struct shared_file){.fd = -1};
  class_register(L, &class);
  luaL_getmetatable(L, class.key);
  lua_setmetatable(L, -2);
  const status st = lua_toboolean(L, 2) ? shared_file_create(f, name, (uint64_t)luaL_checknumber(L, 3))
                                        : shared_file_open(f, name);
  return st ? return_failure(L, st) : 1;
}

int shared_memory_unlink(lua_State *L) {
  return return_status(L, shared_file_unlink(luaL_checkstring(L, 1)));
}

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
