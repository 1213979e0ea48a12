/* SPDX-License-Identifier: MIT */
#include "state/broken_names.h"

#include <string.h>

#include "state/originals.h"

/* In Lua, because a tail call leaves no level between that function and its caller, which a strict mode looks for; and
 * because a worker of this worker gets it, too. */
void broken_names_guard(lua_State *L, int metatable) {
  static const char chunk[] =
      "local broken, index, error, is_function = ...\n"
      "return function(t, name)\n"
      "  if broken[name] then error(\"global '\" .. name .. \"': \" .. broken[name], 2) end\n"
      "  if is_function then return index(t, name) end\n"
      "  return index and index[name]\n"
      "end\n";
  if (luaL_loadbuffer(L, chunk, strlen(chunk), "=manymoons/globals")) lua_error(L);
  lua_insert(L, -2);
  lua_getfield(L, metatable, "__index");
  originals_push(L, "_G", "error");
  lua_pushboolean(L, lua_isfunction(L, -2));
  lua_call(L, 4, 1);
  lua_setfield(L, metatable, "__index");
}
