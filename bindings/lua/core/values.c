/* SPDX-License-Identifier: MIT */
/* A string given to `loads` may come from anywhere, so it is decoded as data: functions only if
 * the caller allows them, handles never, because a string can be kept, copied or lost and a hold
 * cannot. */
#include "core/values.h"

#include <string.h>

#include "state/names.h"
#include "state/transfer.h"

int values_dumps(lua_State *L) {
  luaL_checkany(L, 1);
  const struct bytes *out = transfer_encode_dump(L, 1, 1, "value");
  lua_pushlstring(L, (const char *)out->data, out->len);
  return 1;
}

static unsigned loads_flags(lua_State *L, int options) {
  if (lua_isnoneornil(L, options)) return TRANSFER_UNTRUSTED;
  luaL_checktype(L, options, LUA_TTABLE);
  lua_getfield(L, options, "functions");
  const bool takes_functions = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return takes_functions ? TRANSFER_UNTRUSTED | TRANSFER_FUNCTIONS : TRANSFER_UNTRUSTED;
}

int values_loads(lua_State *L) {
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  const unsigned flags = loads_flags(L, 2);
  if (transfer_decode(L, data, size, flags) != 1) return luaL_argerror(L, 1, "malformed message");
  return 1;
}

int values_register(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  size_t size;
  const char *name = lua_tolstring(L, 1, &size);
  luaL_argcheck(L, size > 0 && strlen(name) == size, 1,
                "a name of at least one byte, and without zero bytes, expected");
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  if (!names_claim(L, name, 2))
    return luaL_argerror(L, 1, lua_pushfstring(L, "another class is registered as '%s'", name));
  lua_pushvalue(L, 2);
  names_register(L, name);
  return 1;
}

int values_seal(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  names_seal(L);
  return 1;
}
