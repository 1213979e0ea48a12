/* SPDX-License-Identifier: MIT */
#include "state/vm_print.h"

#include "state/lua_compat.h"

/* A program may have removed the global. */
static void push_text(lua_State *L, int index) {
  if (LUA_HAS_TOSTRING_OF_PRINT) {
    lua_getglobal(L, "tostring");
    if (lua_isfunction(L, -1)) {
      lua_pushvalue(L, index);
      lua_call(L, 1, 1);
      if (!lua_isstring(L, -1)) luaL_error(L, "'tostring' must return a string to 'print'");
      return;
    }
    lua_pop(L, 1);
  }
  luaL_tolstring(L, index, NULL);
}

void vm_print_push_line(lua_State *L) {
  const int count = lua_gettop(L);
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (int i = 1; i <= count; i++) {
    if (i > 1) luaL_addchar(&line, '\t');
    push_text(L, i);
    luaL_addvalue(&line);
  }
  luaL_pushresult(&line);
}
