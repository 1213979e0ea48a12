/* SPDX-License-Identifier: MIT */
/* Arrays of numbers, which are written in bulk (wire/format.h). For encode.c alone. */
#ifndef STATE_ENCODE_NUMBERS_H
#define STATE_ENCODE_NUMBERS_H

#include "base/bytes.h"
#include "state/lua_compat.h"

/* Whether the key at index -2 is the number n. */
static inline bool is_key(lua_State *L, uint32_t n) {
  if (LUA_HAS_INTEGERS) return lua_isinteger(L, -2) && lua_tointeger(L, -2) == (lua_Integer)n;
  return lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == n;
}

/* Appends elements 1 … count of the table at `index`, which are all of them, as numbers of one kind, and leaves key
 * `count` on the stack, if lua_next visits them in order. False: bytes and stack are unchanged.
 * [-0, +1|0, memory] */
MUST_CHECK bool encode_numbers(lua_State *L, struct bytes *out, int index, uint32_t count);

#endif
