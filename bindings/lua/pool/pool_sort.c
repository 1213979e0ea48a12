/* SPDX-License-Identifier: MIT */
/* A radix sort of 64-bit keys, one byte after the other from the least, which skips the bytes that all keys share.
 *
 *   number   its key is its bits, changed so that they compare as unsigned numbers
 *   string   its key is its first eight bytes; strings with equal ones are compared behind them
 *
 * The arrays are userdata, so that an error frees them. */
#include "pool/pool_sort.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state/vm_interrupt.h"

enum { LIST = 1, COUNT = 2, BYTES = 8, VALUES = 256, KEY_BYTES = 8, STEPS = 256 };

struct item {
  uint64_t key;
  const char *text; /* of a string; NULL: a number */
  uint32_t size;
  uint32_t place;
};

static void look_up(lua_State *L, size_t i) {
  if (i % STEPS == 0) vm_steps(L, vm_of(L), STEPS);
}

static uint64_t key_of_bits(uint64_t bits) {
  const uint64_t sign = UINT64_C(1) << 63;
  return bits & sign ? ~bits : bits | sign;
}

static uint64_t key_of_number(lua_Number number) {
  uint64_t bits = 0;
  memcpy(&bits, &number, sizeof bits);
  return key_of_bits(bits);
}

static uint64_t key_of_text(const char *text, size_t size) {
  uint64_t key = 0;
  for (size_t i = 0; i < KEY_BYTES; i++) key = key << BYTES | (i < size ? (uint8_t)text[i] : 0);
  return key;
}

/* ---- the sort -------------------------------------------------------------------------------- */

/* One pass, by the byte at `shift`. False: all have the same one, and nothing was moved. */
static bool sort_by_byte(const struct item *from, struct item *to, size_t count, unsigned shift) {
  size_t starts[VALUES] = {0};
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) starts[from[i].key >> shift & (VALUES - 1)]++;
  if (starts[from[0].key >> shift & (VALUES - 1)] == count) return false;
  for (size_t value = 0; value < VALUES; value++) {
    const size_t own = starts[value];
    starts[value] = sum;
    sum += own;
  }
  for (size_t i = 0; i < count; i++) to[starts[from[i].key >> shift & (VALUES - 1)]++] = from[i];
  return true;
}

/* Returns the one of the two arrays that has the sorted items. */
static struct item *sort_by_key(struct item *items, struct item *spare, size_t count) {
  for (unsigned shift = 0; shift < KEY_BYTES * BYTES; shift += BYTES) {
    if (!sort_by_byte(items, spare, count, shift)) continue;
    struct item *sorted = spare;
    spare = items;
    items = sorted;
  }
  return items;
}

static int compare_texts(const void *a, const void *b) {
  const struct item *x = a;
  const struct item *y = b;
  const int order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
  if (order) return order;
  return x->size < y->size ? -1 : x->size > y->size;
}

static void sort_equal_keys(struct item *items, size_t count) {
  for (size_t first = 0, last = 0; first < count; first = last) {
    while (last < count && items[last].key == items[first].key) last++;
    if (last - first > 1) qsort(items + first, last - first, sizeof *items, compare_texts);
  }
}

/* ---- reading and writing --------------------------------------------------------------------- */

/* Whether Lua compares strings by their bytes. */
static bool locale_is_plain(void) {
  const char *name = setlocale(LC_COLLATE, NULL);
  return lua_is_jit() || (name && (strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0));
}

/* Lua 5.1 has one kind of numbers. */
static bool is_integer(lua_State *L) { return LUA_HAS_INTEGERS && lua_isinteger(L, -1); }

static bool read_number(lua_State *L, struct item *item) {
  const lua_Number number = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || is_integer(L) || number != number) return false;
  item->key = key_of_number(number);
  return true;
}

static bool read_integer(lua_State *L, struct item *item) {
  if (lua_type(L, -1) != LUA_TNUMBER || !is_integer(L)) return false;
  item->key = (uint64_t)lua_tointeger(L, -1) ^ UINT64_C(1) << 63;
  return true;
}

static bool read_text(lua_State *L, struct item *item) {
  size_t size = 0;
  if (lua_type(L, -1) != LUA_TSTRING) return false;
  item->text = lua_tolstring(L, -1, &size);
  item->size = (uint32_t)size;
  item->key = key_of_text(item->text, size);
  return size <= UINT32_MAX;
}

typedef bool (*reader)(lua_State *L, struct item *item);

/* The reader for the list's first item; NULL: there is none for it. */
static reader reader_of(lua_State *L) {
  lua_rawgeti(L, LIST, 1);
  const int type = lua_type(L, -1);
  const bool is_whole = type == LUA_TNUMBER && is_integer(L);
  lua_pop(L, 1);
  if (type == LUA_TNUMBER) return is_whole ? read_integer : read_number;
  return type == LUA_TSTRING && locale_is_plain() ? read_text : NULL;
}

static bool read_items(lua_State *L, reader read, struct item *items, size_t count) {
  for (size_t i = 0; i < count; i++) {
    look_up(L, i);
    lua_rawgeti(L, LIST, (int)i + 1);
    items[i].place = (uint32_t)i + 1;
    const bool is_right = read(L, &items[i]);
    lua_pop(L, 1);
    if (!is_right) return false;
  }
  return true;
}

/* Pushes a new list of the list's items in that order, or of their places. */
static void push_sorted(lua_State *L, const struct item *items, size_t count, bool are_places) {
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    look_up(L, i);
    if (are_places)
      lua_pushinteger(L, (lua_Integer)items[i].place);
    else
      lua_rawgeti(L, LIST, (int)items[i].place);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

int pool_sort_call(lua_State *L) {
  luaL_checktype(L, LIST, LUA_TTABLE);
  const size_t count = (size_t)luaL_checkinteger(L, COUNT);
  const reader read = count > 0 ? reader_of(L) : NULL;
  if (!read || count > INT32_MAX) return 0;
  struct item *items = lua_newuserdata(L, count * sizeof *items);
  struct item *spare = lua_newuserdata(L, count * sizeof *items);
  if (!read_items(L, read, items, count)) return 0;
  items = sort_by_key(items, spare, count);
  if (read == read_text) sort_equal_keys(items, count);
  push_sorted(L, items, count, read == read_text);
  lua_pushboolean(L, read == read_text);
  return 2;
}
