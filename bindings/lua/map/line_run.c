/* SPDX-License-Identifier: MIT */
#include "map/line_run.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "core/failure.h"

/* One thread: that of the caller. The text is the caller's, and on its stack during each call. */
struct line_run {
  struct bytes out;
  size_t written; /* of `out`: the whole lines */
  size_t at;      /* where the present line begins */
  lua_Integer number;
  bool is_piece;
};

/* The strings of so many lines are collected a little earlier than by themselves: Lua's table of strings then stays in the
 * processor's cache (a third of the time of cheap lines; Lua 5.4, 2026). Not LUA_GCSTEP with 0: it never does a major
 * collection, without which the texts of slices stay. */
enum { COLLECT_EVERY = 1024, COLLECT_KIB = 200 };
enum { SELF = 1, FUNCTION, TEXT, MOST, ARGUMENTS = MOST };

static const struct handle_class class;

/* ---- results --------------------------------------------------------------------------------- */

static void append(lua_State *L, struct line_run *r, const char *text, size_t size) {
  if (bytes_append(&r->out, text, size)) luaL_error(L, "not enough memory");
}

/* The decimal digits of a number, before `end`, two at a time: a division takes longer than all else. */
static char *write_digits(char *end, uint64_t rest) {
  static const char pairs[] =
      "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
      "50515253545556575859606162636465666768697071727374757677787980818283848586878889909192939495969798"
      "99";
  for (; rest >= 100; rest /= 100) memcpy(end -= 2, pairs + rest % 100 * 2, 2);
  if (rest >= 10)
    memcpy(end -= 2, pairs + rest * 2, 2);
  else
    *--end = (char)('0' + rest);
  return end;
}

/* A whole number, with what stands behind it: at most SUFFIX_MAX bytes. */
static void append_integer(lua_State *L, struct line_run *r, int64_t value, const char *suffix) {
  enum { DIGITS_MAX = 20, SUFFIX_MAX = 2 };
  if (bytes_reserve(&r->out, DIGITS_MAX + SUFFIX_MAX)) luaL_error(L, "not enough memory");
  char digits[DIGITS_MAX];
  const uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  size_t at = (size_t)(write_digits(digits + DIGITS_MAX, size) - digits);
  if (value < 0) digits[--at] = '-';
  memcpy(r->out.data + r->out.len, digits + at, DIGITS_MAX - at);
  r->out.len += DIGITS_MAX - at;
  while (*suffix) r->out.data[r->out.len++] = (uint8_t)*suffix++;
}

/* A float that %.14g writes without an exponent and a fraction. */
static bool is_whole_float(lua_Number value) {
  const lua_Number most = 1e14;
  return value > -most && value < most && value == floor(value) && !(value == 0 && signbit(value));
}

/* A table or a function has no text that says anything, unless its class gives one. */
static void refuse_nameless(lua_State *L, int index) {
  const int type = lua_type(L, index);
  if (type == LUA_TBOOLEAN || type == LUA_TNIL || type == LUA_TNUMBER) return;
  if (!luaL_getmetafield(L, index, "__tostring"))
    luaL_error(L, "the result is a %s%s", lua_typename(L, type),
               type == LUA_TTABLE ? "; --json prints it" : "");
  lua_pop(L, 1);
}

static void append_any(lua_State *L, struct line_run *r, int index) {
  size_t size = 0;
  refuse_nameless(L, index);
  const char *text = luaL_tolstring(L, index, &size);
  append(L, r, text, size);
  lua_pop(L, 1);
}

static void append_number(lua_State *L, struct line_run *r, int index) {
  if (LUA_HAS_INTEGERS && lua_isinteger(L, index))
    append_integer(L, r, (int64_t)lua_tointeger(L, index), "");
  else if (LUA_HAS_INTEGERS && is_whole_float(lua_tonumber(L, index)))
    append_integer(L, r, (int64_t)lua_tonumber(L, index), ".0");
  else
    append_any(L, r, index);
}

static void append_value(lua_State *L, struct line_run *r, int index) {
  size_t size = 0;
  const char *text = NULL;
  switch (lua_type(L, index)) {
    case LUA_TSTRING:
      text = lua_tolstring(L, index, &size);
      append(L, r, text, size);
      return;
    case LUA_TNUMBER: append_number(L, r, index); return;
    default: append_any(L, r, index);
  }
}

/* Whether the only result is an integer, as it is most often; then it is written. */
static bool append_only_integer(lua_State *L, struct line_run *r, int last) {
  if (!LUA_HAS_INTEGERS || last != ARGUMENTS + 1 || !lua_isinteger(L, last)) return false;
  append_integer(L, r, (int64_t)lua_tointeger(L, last), "\n");
  return true;
}

static bool are_all_nil(lua_State *L, int last) {
  for (int i = ARGUMENTS + 1; i <= last; i++)
    if (!lua_isnil(L, i)) return false;
  return true;
}

/* Writes the results, which are on top, as a line. */
static void append_results(lua_State *L, struct line_run *r) {
  const int last = lua_gettop(L);
  if (append_only_integer(L, r, last) || are_all_nil(L, last)) return;
  for (int i = ARGUMENTS + 1; i <= last; i++) {
    if (i > ARGUMENTS + 1) append(L, r, "\t", 1);
    append_value(L, r, i);
  }
  append(L, r, "\n", 1);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The end of the present line; *next is where the one behind it begins. */
static size_t find_end(const struct line_run *r, const char *text, size_t size, size_t *next) {
  const char *end = r->is_piece ? NULL : memchr(text + r->at, '\n', size - r->at);
  *next = end ? (size_t)(end - text) + 1 : size;
  return end ? (size_t)(end - text) : size;
}

static void advance(struct line_run *r, size_t next) {
  r->at = next;
  r->number++;
}

static int run_method(lua_State *L) {
  struct line_run *r = class_check(L, SELF, &class);
  size_t size = 0, next = 0;
  const char *text = luaL_checklstring(L, TEXT, &size);
  lua_Integer left = luaL_checkinteger(L, MOST);
  r->out.len = r->written; /* an error came in the middle of a line's results */
  for (lua_settop(L, ARGUMENTS); left > 0 && r->at < size; advance(r, next), left--) {
    const size_t end = find_end(r, text, size, &next);
    lua_pushvalue(L, FUNCTION);
    lua_pushlstring(L, text + r->at, end - r->at);
    lua_pushinteger(L, r->number);
    lua_call(L, 2, LUA_MULTRET);
    append_results(L, r);
    r->written = r->out.len;
    lua_settop(L, ARGUMENTS);
    if (left % COLLECT_EVERY == 0) lua_gc(L, LUA_GCSTEP, COLLECT_KIB);
  }
  return 0;
}

enum { LINE_TEXT = 2 };

static int line_method(lua_State *L) {
  const struct line_run *r = class_check(L, SELF, &class);
  size_t size = 0, next = 0;
  const char *text = luaL_checklstring(L, LINE_TEXT, &size);
  if (r->at >= size) return 0;
  lua_pushlstring(L, text + r->at, find_end(r, text, size, &next) - r->at);
  return 1;
}

static int skip_method(lua_State *L) {
  struct line_run *r = class_check(L, SELF, &class);
  size_t size = 0, next = 0;
  const char *text = luaL_checklstring(L, LINE_TEXT, &size);
  if (r->at >= size) return 0;
  (void)find_end(r, text, size, &next);
  advance(r, next);
  return 0;
}

static int is_over_method(lua_State *L) {
  const struct line_run *r = class_check(L, SELF, &class);
  size_t size = 0;
  (void)luaL_checklstring(L, LINE_TEXT, &size);
  lua_pushboolean(L, r->at >= size);
  return 1;
}

static int output_method(lua_State *L) {
  const struct line_run *r = class_check(L, SELF, &class);
  lua_pushlstring(L, r->written ? (const char *)r->out.data : "", r->written);
  return 1;
}

static int written_method(lua_State *L) {
  const struct line_run *r = class_check(L, SELF, &class);
  lua_pushinteger(L, (lua_Integer)r->written);
  return 1;
}

static int number_method(lua_State *L) {
  const struct line_run *r = class_check(L, SELF, &class);
  lua_pushinteger(L, r->number);
  return 1;
}

static int close_method(lua_State *L) {
  struct line_run *r = class_check(L, SELF, &class);
  bytes_fini(&r->out);
  return 0;
}

static const luaL_Reg methods[] = {{"run", run_method},       {"line", line_method},
                                   {"skip", skip_method},     {"is_over", is_over_method},
                                   {"number", number_method}, {"written", written_method},
                                   {"output", output_method}, {NULL, NULL}};
static const struct handle_class class = {.name = "LineRun",
                                          .key = "manymoons.LineRun",
                                          .methods = methods,
                                          .close = close_method,
                                          .collect = close_method};

int line_run_new(lua_State *L) {
  static const char *const kinds[] = {"lines", "piece", NULL};
  const lua_Integer first = luaL_checkinteger(L, 1);
  const bool is_piece = luaL_checkoption(L, 2, NULL, kinds) == 1;
  struct line_run *r = lua_newuserdata(L, sizeof *r);
  *r = (struct line_run){.number = first, .is_piece = is_piece};
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  return 1;
}

/* ---- cutting --------------------------------------------------------------------------------- */

int line_run_last_call(lua_State *L) {
  size_t size = 0;
  const char *text = luaL_checklstring(L, 1, &size);
  const char *end = memrchr(text, '\n', size);
  lua_pushinteger(L, end ? (lua_Integer)(end - text) + 1 : 0);
  return 1;
}

int line_run_cut_call(lua_State *L) {
  size_t size = 0;
  const char *text = luaL_checklstring(L, 1, &size);
  const size_t from = (size_t)luaL_checkinteger(L, 2) - 1;
  const size_t bytes = (size_t)luaL_checkinteger(L, 3);
  const lua_Integer most = luaL_checkinteger(L, 4);
  size_t at = from;
  lua_Integer lines = 0;
  while (lines < most && at < size) {
    const char *end = memchr(text + at, '\n', size - at);
    const size_t next = end ? (size_t)(end - text) + 1 : size;
    if (!end || (lines > 0 && next - from > bytes)) break;
    at = next;
    lines++;
  }
  lua_pushinteger(L, (lua_Integer)at + 1);
  lua_pushinteger(L, lines);
  return 2;
}
