/* SPDX-License-Identifier: MIT */
#include "broker/redis_lease.h"

#include <string.h>

#include "broker/redis_connection.h"
#include "core/arguments.h"
#include "redis/lease.h"
#include "state/vm.h"

struct lease_handle {
  struct lease *lease; /* NULL: closed */
};

static const struct handle_class class; /* defined below its methods */

static struct lease *check_lease(lua_State *L) {
  const struct lease_handle *h = class_check(L, 1, &class);
  if (!h->lease) luaL_error(L, "Lease: used after close");
  return h->lease;
}

int redis_lease_open(lua_State *L) {
  struct lease_settings *s = lua_newuserdata(L, sizeof *s);
  redis_read_settings(L, 1, &s->server);
  luaL_checktype(L, 2, LUA_TTABLE);
  for (int i = 1; i <= 5; i++) { /* they stay on the stack */
    lua_rawgeti(L, 2, i);
    const char *text = luaL_checkstring(L, -1);
    if (i == 1)
      s->script = text;
    else
      s->fixed[i - 2] = text;
  }
  s->interval = luaL_checknumber(L, 3);
  s->text = luaL_checkstring(L, 4);
  struct lease_handle *h = lua_newuserdata(L, sizeof *h);
  h->lease = NULL;
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  const status st = lease_open(s, &h->lease);
  return st ? return_failure(L, st) : 1;
}

static void copy_word(lua_State *L, int index, char *out, size_t room) {
  size_t size = 0;
  const char *text = luaL_checklstring(L, index, &size);
  luaL_argcheck(L, size < room, index, "too long");
  memcpy(out, text, size + 1);
}

/* add(stream, owner, seq, id) */
static int lease_add_method(lua_State *L) {
  struct lease *l = check_lease(L);
  struct lease_entry e;
  copy_word(L, 2, e.stream, sizeof e.stream);
  copy_word(L, 3, e.owner, sizeof e.owner);
  copy_word(L, 4, e.seq, sizeof e.seq);
  copy_word(L, 5, e.id, sizeof e.id);
  return return_status(L, lease_add(l, &e));
}

static int lease_remove_method(lua_State *L) {
  lease_remove(check_lease(L), luaL_checkstring(L, 2));
  return 0;
}

static int lease_tell_method(lua_State *L) {
  size_t size = 0;
  const char *text = luaL_checklstring(L, 2, &size);
  return return_status(L, lease_tell(check_lease(L), text, size));
}

/* news() → "lost" or "forgotten", and the id; nothing when there is none */
static int lease_news_method(lua_State *L) {
  enum lease_news what = LEASE_LOST;
  char id[LEASE_ID_MAX];
  if (!lease_news(check_lease(L), &what, id)) return 0;
  lua_pushstring(L, what == LEASE_FORGOTTEN ? "forgotten" : "lost");
  lua_pushstring(L, id);
  return 2;
}

static int lease_age_method(lua_State *L) {
  lua_pushnumber(L, lease_age(check_lease(L)));
  return 1;
}

/* It waits for the thread, which may be talking to a server: without the VM's lock. */
static int lease_close_method(lua_State *L) REQUIRES(rank_vm) {
  struct lease_handle *h = class_check(L, 1, &class);
  struct lease *lease = h->lease;
  h->lease = NULL;
  struct vm *vm = vm_of(L);
  vm_leave(vm);
  lease_close(lease);
  vm_return(L, vm);
  return 0;
}

static int lease_collect(lua_State *L) {
  struct lease_handle *h = class_check(L, 1, &class);
  lease_leave(h->lease);
  h->lease = NULL;
  return 0;
}

static const luaL_Reg methods[] = {{"add", lease_add_method},   {"remove", lease_remove_method},
                                   {"tell", lease_tell_method}, {"news", lease_news_method},
                                   {"age", lease_age_method},   {NULL, NULL}};
static const struct handle_class class = {.name = "Lease",
                                          .key = "manymoons.Lease",
                                          .methods = methods,
                                          .close = lease_close_method,
                                          .collect = lease_collect};
