/* SPDX-License-Identifier: MIT */
#include "state/vm_print.h"

#include <stdio.h>

#include "state/lua_compat.h"

void vm_print_push_line(lua_State *L) {
  const int count = lua_gettop(L);
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (int i = 1; i <= count; i++) {
    if (i > 1) luaL_addchar(&line, '\t');
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&line);
  }
  luaL_pushresult(&line);
}

/* [-n, +0, raises] */
static int print_line(lua_State *L) {
  vm_print_push_line(L);
  lua_pushliteral(L, "\n");
  lua_concat(L, 2);
  size_t size = 0;
  const char *text = lua_tolstring(L, -1, &size);
  fwrite(text, 1, size, stdout);
  fflush(stdout); /* as `lua` does: what was printed is there, however the process ends */
  if (ferror(stdout)) clearerr(stdout);
  return 0;
}

void vm_print_install(lua_State *L) { lua_register(L, "print", print_line); }
