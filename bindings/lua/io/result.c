/* SPDX-License-Identifier: MIT */
#include "io/result.h"

#include "os/command.h"

int result_push(lua_State *L, int error, const char *name) {
  if (error == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  if (name)
    lua_pushfstring(L, "%s: %s", name, strerror(error));
  else
    lua_pushstring(L, strerror(error));
  lua_pushinteger(L, error);
  return 3;
}

int result_push_end(lua_State *L, status st, int report) {
  if (st) return result_push(L, -st, NULL);
  const struct command_end end = command_end_of(report);
  if (end.is_exit && end.number == 0)
    lua_pushboolean(L, 1);
  else
    lua_pushnil(L);
  lua_pushstring(L, end.is_exit ? "exit" : "signal");
  lua_pushinteger(L, end.number);
  return 3;
}

int result_push_close(lua_State *L, bool tells_ends, status st, int report) {
  return tells_ends ? result_push_end(L, st, report) : result_push(L, -st, NULL);
}
