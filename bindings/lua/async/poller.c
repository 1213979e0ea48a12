/* SPDX-License-Identifier: MIT */
#include "async/poller.h"

#include "core/arguments.h"
#include "os/poller.h"

static const struct handle_class class; /* defined below its methods */

static struct poller *check_poller(lua_State *L) {
  struct poller *p = class_check(L, 1, &class);
  if (p->fd < 0) luaL_error(L, "Poller: used after close");
  return p;
}

int poller_new(lua_State *L) {
  struct poller *p = lua_newuserdata(L, sizeof *p);
  p->fd = -1;
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  const status st = poller_open(p);
  return st ? return_failure(L, st) : 1;
}

/* keep(fd): polls fd until it is closed. → true; or nil and why.
 * [-0, +1 or 2, raises] */
static int poller_keep_method(lua_State *L) {
  return return_status(L, poller_keep(check_poller(L), (int)luaL_checkinteger(L, 2), POLLER_READ));
}

static int poller_fileno_method(lua_State *L) {
  lua_pushinteger(L, check_poller(L)->fd);
  return 1;
}

static int poller_close_method(lua_State *L) {
  poller_close(class_check(L, 1, &class));
  return 0;
}

static const luaL_Reg methods[] = {
    {"keep", poller_keep_method}, {"fileno", poller_fileno_method}, {NULL, NULL}};
static const struct handle_class class = {.name = "Poller",
                                          .key = "manymoons.Poller",
                                          .methods = methods,
                                          .close = poller_close_method,
                                          .collect = poller_close_method};
