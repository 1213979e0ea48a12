/* SPDX-License-Identifier: MIT */
/* See protocol.h. */
#include "pool/protocol.h"

static const struct {
  const char *name;
  int value;
} numbers[] = {
#define ROW(name, value) {#name, value},
    POOL_MODES(ROW) POOL_FLAGS(ROW) POOL_OUTCOMES(ROW) POOL_PACE(ROW)
#undef ROW
};

int pool_protocol(lua_State *L) {
  lua_newtable(L);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    lua_pushinteger(L, numbers[i].value);
    lua_setfield(L, -2, numbers[i].name);
  }
  return 1;
}
