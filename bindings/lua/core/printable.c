/* SPDX-License-Identifier: MIT */
#include "core/printable.h"

void printable_push(lua_State *L, int index, enum printable_as as) {
  size_t size = 0;
  const char *text = lua_tolstring(L, index, &size);
  char *room = lua_newuserdata(L, PRINTABLE_GROWTH * size + 1);
  lua_pushlstring(L, room, printable_write(room, text, size, as));
  lua_remove(L, -2);
}

int printable_call(lua_State *L) {
  static const char *const forms[] = {"text", "json", NULL};
  luaL_checkstring(L, 1);
  printable_push(L, 1, luaL_checkoption(L, 2, "text", forms) == 1 ? PRINTABLE_JSON : PRINTABLE_TEXT);
  return 1;
}
