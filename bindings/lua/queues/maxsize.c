/* SPDX-License-Identifier: MIT */
#include "queues/maxsize.h"

#include "queues/variants.h"

static void fill(lua_State *L, lua_Integer maxsize) {
  lua_pushinteger(L, maxsize);
  lua_setfield(L, -2, "maxsize");
}

void maxsize_declare(lua_State *L) { fill(L, 0); }

void maxsize_set(lua_State *L, lua_Integer maxsize) {
  if (maxsize) variant_set(L, maxsize, fill);
}
