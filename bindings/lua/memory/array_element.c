/* SPDX-License-Identifier: MIT */
#include "memory/array_element.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Wider than any element, so that sums do not overflow. */
__extension__ typedef __int128 wide;

/* ---- integers -------------------------------------------------------------------------------- */

static wide least(const struct array_element_type *t) {
  return t->class == ELEMENT_SIGNED ? -((wide)1 << (8 * t->size - 1)) : 0;
}

static wide most(const struct array_element_type *t) {
  return ((wide)1 << (8 * t->size - (t->class == ELEMENT_SIGNED ? 1 : 0))) - 1;
}

static wide integer_of(const struct array_element_type *t, uint64_t bits) {
  if (t->class == ELEMENT_UNSIGNED || t->class == ELEMENT_CHAR) return (wide)bits;
  const unsigned unused = 64 - 8 * t->size;
  return (wide)((int64_t)(bits << unused) >> unused);
}

/* False: not a whole number. Numbers beyond ±2^64, which no type holds, are read as those. */
static bool read_wide(lua_State *L, int index, wide *out) {
  if (lua_isinteger(L, index)) {
    *out = (wide)lua_tointeger(L, index);
    return true;
  }
  const lua_Number x = lua_tonumber(L, index);
  if (!isfinite(x) || x != floor(x)) return false;
  *out = (wide)fmax(-0x1p64, fmin(x, 0x1p64));
  return true;
}

static bool refuse(lua_State *L, const struct array_element_type *t, wide value) {
  if (value >= least(t) && value <= most(t)) return false;
  char range[64];
  snprintf(range, sizeof range, "%lld to %llu", (long long)least(t), (unsigned long long)most(t));
  lua_pushfstring(L, "does not fit into %s (%s)", t->name, range);
  return true;
}

/* ---- floats ---------------------------------------------------------------------------------- */

static lua_Number float_of(const struct array_element_type *t, uint64_t bits) {
  if (t->size == sizeof(double)) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
  }
  const uint32_t half = (uint32_t)bits;
  float x;
  memcpy(&x, &half, sizeof x);
  return x;
}

static bool float_bits(lua_State *L, const struct array_element_type *t, lua_Number value, uint64_t *bits) {
  *bits = 0;
  if (t->size == sizeof(double)) {
    memcpy(bits, &value, sizeof value);
    return true;
  }
  const float x = (float)value;
  if (isinf(x) && !isinf(value)) {
    lua_pushfstring(L, "does not fit into %s", t->name);
    return false;
  }
  memcpy(bits, &x, sizeof x);
  return true;
}

/* ---- both ------------------------------------------------------------------------------------ */

void array_element_push(lua_State *L, const struct array_element_type *t, uint64_t bits) {
  const char byte = (char)bits;
  if (t->class == ELEMENT_CHAR)
    lua_pushlstring(L, &byte, 1);
  else if (t->class == ELEMENT_FLOAT)
    lua_pushnumber(L, float_of(t, bits));
  else if (t->class == ELEMENT_UNSIGNED && bits > INT64_MAX)
    lua_pushnumber(L, (lua_Number)bits);
  else
    lua_pushinteger(L, (lua_Integer)integer_of(t, bits));
}

/* The whole number at `index`; or false, with a message pushed. [-0, +0|1] */
static bool check_wide(lua_State *L, int index, const struct array_element_type *t, wide *value) {
  if (lua_type(L, index) == LUA_TNUMBER && read_wide(L, index, value)) return true;
  if (lua_type(L, index) == LUA_TNUMBER)
    lua_pushfstring(L, "is not a whole number, as %s needs", t->name);
  else
    lua_pushliteral(L, "is not a number");
  return false;
}

static bool check_float(lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER) return true;
  lua_pushliteral(L, "is not a number");
  return false;
}

static bool read_char(lua_State *L, int index, uint64_t *bits) {
  size_t size = 0;
  const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : NULL;
  if (size == 1) {
    *bits = (uint8_t)text[0];
    return true;
  }
  lua_pushliteral(L, "is not a string of one byte, as char needs");
  return false;
}

bool array_element_read(lua_State *L, int index, const struct array_element_type *t, uint64_t *bits) {
  wide value = 0;
  if (t->class == ELEMENT_CHAR) return read_char(L, index, bits);
  if (t->class == ELEMENT_FLOAT)
    return check_float(L, index) && float_bits(L, t, lua_tonumber(L, index), bits);
  if (!check_wide(L, index, t, &value) || refuse(L, t, value)) return false;
  *bits = (uint64_t)value;
  return true;
}

bool array_element_add(lua_State *L, const struct array_element_type *t, uint64_t a, int index,
                       uint64_t *sum) {
  wide value = 0;
  if (t->class == ELEMENT_CHAR) {
    lua_pushliteral(L, "is not known: char is text");
    return false;
  }
  if (t->class == ELEMENT_FLOAT)
    return check_float(L, index) && float_bits(L, t, float_of(t, a) + lua_tonumber(L, index), sum);
  if (!check_wide(L, index, t, &value)) return false;
  value += integer_of(t, a);
  if (refuse(L, t, value)) return false;
  *sum = (uint64_t)value;
  return true;
}

bool array_element_is_less(const struct array_element_type *t, uint64_t a, uint64_t b) {
  if (t->class == ELEMENT_FLOAT) return float_of(t, a) < float_of(t, b);
  return integer_of(t, a) < integer_of(t, b);
}
