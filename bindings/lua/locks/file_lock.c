/* SPDX-License-Identifier: MIT */
#include "locks/file_lock.h"

#include "core/arguments.h"
#include "os/file_lock.h"

static const struct handle_class class; /* defined below its methods */

static struct file_lock *check_file(lua_State *L) { return class_check(L, 1, &class); }

/* try() → true; nil and "timeout": another one holds it; nil and "closed": it has to be opened again, here or
 * in this fork; nil and why */
static int try_method(lua_State *L) { return return_status(L, file_lock_try(check_file(L))); }

static int release_method(lua_State *L) {
  file_lock_release(check_file(L));
  return 0;
}

static int close_method(lua_State *L) {
  file_lock_close(check_file(L));
  return 0;
}

static const luaL_Reg methods[] = {{"try", try_method}, {"release", release_method}, {NULL, NULL}};
static const struct handle_class class = {.name = "LockedFile",
                                          .key = "manymoons.LockedFile",
                                          .methods = methods,
                                          .close = close_method,
                                          .collect = close_method};

int file_lock_open_call(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct file_lock *f = lua_newuserdata(L, sizeof *f);
  *f = (struct file_lock){.place = -1};
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  const status st = file_lock_open(path, f);
  return st ? return_failure(L, st) : 1;
}
