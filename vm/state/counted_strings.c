/* SPDX-License-Identifier: MIT */
/* string.find, match, gmatch, gsub and rep. Where versions of Lua differ, 5.1's way is LuaJIT's as well. */
#include <stdint.h>
#include <string.h>

#include "state/counted.h"
#include "state/lua_compat.h"
#include "state/matcher.h"
#include "state/vm_interrupt.h"

static const char special[] = "^$*+?.([%-";

/* ---- find and match -------------------------------------------------------------------------- */

/* The offset that a position stands for, from 0; positions below 0 count from the end. */
static size_t offset_of(lua_Integer position, size_t size) {
  if (position > 0) return (size_t)position - 1;
  if (position == 0 || (uint64_t)-position > size) return 0;
  return size - (size_t)-position;
}

/* Whether argument `index` is a start within the subject, whose offset is stored. 5.1 takes one behind the
 * end for the end. */
static bool read_start(lua_State *L, int index, size_t size, size_t *offset) {
  *offset = offset_of((lua_Integer)luaL_optinteger(L, index, 1), size);
  if (*offset <= size) return true;
  *offset = size;
  return !LUA_HAS_INTEGERS;
}

static bool is_plain(const char *pattern, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (pattern[i] && strchr(special, pattern[i])) return false;
  return true;
}

/* 5.1 ends a pattern at its first zero byte. */
static const char *pattern_end(const char *pattern, size_t size) {
  return pattern + (LUA_HAS_INTEGERS ? size : strlen(pattern));
}

enum { WINDOW = 1 << 14, BYTES_OF_A_STEP = 16 };

/* Finds a text, in windows that overlap by its size. */
static const char *find_plain(lua_State *L, struct vm *vm, const char *at, const char *end, const char *text,
                              size_t size) {
  const size_t window = size < WINDOW / 4 ? WINDOW : size * 4;
  while ((size_t)(end - at) >= size) {
    const size_t left = (size_t)(end - at), part = left < window ? left : window;
    const char *found = memmem(at, part, text, size);
    if (found || part == left) return found;
    at += part - size + 1;
    vm_steps(L, vm, (unsigned)(part / BYTES_OF_A_STEP));
  }
  return NULL;
}

static int push_place(lua_State *L, const char *subject, const char *at, const char *end) {
  lua_pushinteger(L, at - subject + 1);
  lua_pushinteger(L, end - subject);
  return 2;
}

/* (subject, pattern, start, is_plain) */
static int find(lua_State *L, bool wants_place) {
  size_t size = 0, pattern_size = 0, start = 0;
  const char *subject = luaL_checklstring(L, 1, &size), *pattern = luaL_checklstring(L, 2, &pattern_size);
  const char *end = subject + size;
  lua_pushnil(L);
  if (!read_start(L, 3, size, &start)) return 1;
  if (wants_place && (lua_toboolean(L, 4) || is_plain(pattern, pattern_size))) {
    const char *at = find_plain(L, vm_of(L), subject + start, end, pattern, pattern_size);
    return at ? push_place(L, subject, at, at + pattern_size) : 1;
  }
  struct matcher m = matcher_over(L, subject, size, pattern_end(pattern, pattern_size));
  const bool is_anchored = pattern_size && *pattern == '^';
  if (is_anchored) pattern++;
  for (const char *at = subject + start; at <= end; at++) {
    const char *found = matcher_match(&m, at, pattern);
    if (found && !wants_place) return matcher_push_captures(&m, at, found);
    if (found) return push_place(L, subject, at, found) + matcher_push_captures(&m, NULL, NULL);
    if (is_anchored) break;
  }
  lua_pushnil(L);
  return 1;
}

static int string_find(lua_State *L) { return find(L, true); }
static int string_match(lua_State *L) { return find(L, false); }

/* ---- gmatch ---------------------------------------------------------------------------------- */

/* The upvalues of the iterator. */
enum { SUBJECT = 1, PATTERN, STATE };

struct gmatch_state {
  size_t next; /* where the search goes on */
  size_t last; /* the end of the last match; SIZE_MAX: none yet */
};

static int gmatch_next(lua_State *L) {
  struct gmatch_state *state = lua_touserdata(L, lua_upvalueindex(STATE));
  size_t size = 0, pattern_size = 0;
  const char *subject = lua_tolstring(L, lua_upvalueindex(SUBJECT), &size);
  const char *pattern = lua_tolstring(L, lua_upvalueindex(PATTERN), &pattern_size);
  struct matcher m = matcher_over(L, subject, size, pattern_end(pattern, pattern_size));
  for (; state->next <= size; state->next++) {
    const char *at = subject + state->next, *end = matcher_match(&m, at, pattern);
    const bool is_again = LUA_HAS_INTEGERS && end && (size_t)(end - subject) == state->last;
    if (!end || is_again) continue;
    state->next = state->last = (size_t)(end - subject);
    if (!LUA_HAS_INTEGERS && end == at) state->next++;
    return matcher_push_captures(&m, at, end);
  }
  return 0;
}

/* (subject, pattern, start); 5.3 and 5.1 take no start */
static int string_gmatch(lua_State *L) {
  size_t size = 0, start = 0;
  luaL_checklstring(L, 1, &size);
  luaL_checkstring(L, 2);
  if (LUA_HAS_GMATCH_START && !read_start(L, 3, size, &start)) start = size + 1;
  lua_settop(L, 2);
  struct gmatch_state *state = lua_newuserdata(L, sizeof *state);
  *state = (struct gmatch_state){start, SIZE_MAX};
  lua_pushcclosure(L, gmatch_next, STATE);
  return 1;
}

/* ---- gsub ------------------------------------------------------------------------------------ */

enum { REPLACEMENT = 3 };

/* Adds the replacement text, in which %0 to %9 stand for captures. */
static void add_text(const struct matcher *m, luaL_Buffer *b, const char *at, const char *end) {
  size_t size = 0;
  const char *text = lua_tolstring(m->L, REPLACEMENT, &size);
  for (size_t i = 0; i < size; i++) {
    vm_steps(m->L, m->vm, 1);
    if (text[i] != '%') {
      luaL_addchar(b, text[i]);
      continue;
    }
    const char c = ++i < size ? text[i] : '\0';
    if (c == '0') {
      luaL_addlstring(b, at, (size_t)(end - at));
    } else if (c >= '1' && c <= '9') {
      matcher_push_capture(m, c - '1', at, end);
      luaL_addvalue(b);
    } else if (c == '%' || !LUA_HAS_INTEGERS) {
      luaL_addchar(b, c);
    } else {
      luaL_error(m->L, "invalid use of '%%' in replacement string");
    }
  }
}

/* Adds what a table or a function gives for the match; nil and false leave it as it was. */
static void add_value(const struct matcher *m, luaL_Buffer *b, const char *at, const char *end) {
  lua_State *L = m->L;
  if (lua_isfunction(L, REPLACEMENT)) {
    lua_pushvalue(L, REPLACEMENT);
    lua_call(L, matcher_push_captures(m, at, end), 1);
  } else {
    matcher_push_capture(m, 0, at, end);
    lua_gettable(L, REPLACEMENT);
  }
  if (lua_toboolean(L, -1) && !lua_isstring(L, -1))
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, at, (size_t)(end - at));
  }
  luaL_addvalue(b);
}

static void check_replacement(lua_State *L) {
  switch (lua_type(L, REPLACEMENT)) {
    case LUA_TNUMBER:
    case LUA_TSTRING:
    case LUA_TTABLE:
    case LUA_TFUNCTION: return;
    default: luaL_argexpected(L, 0, REPLACEMENT, "string/function/table");
  }
}

/* Replaces matches, `most` at most, and returns their number. What is left of the subject is added, too. */
static lua_Integer replace(struct matcher *m, const char *pattern, lua_Integer most, luaL_Buffer *b) {
  const bool is_text = lua_isstring(m->L, REPLACEMENT),
             is_anchored = pattern < m->pattern_end && *pattern == '^';
  const char *at = m->subject, *last = NULL;
  lua_Integer count = 0;
  if (is_anchored) pattern++;
  while (count < most) {
    const char *end = matcher_match(m, at, pattern);
    const bool is_new = end && !(LUA_HAS_INTEGERS && end == last);
    if (is_new) {
      count++;
      if (is_text)
        add_text(m, b, at, end);
      else
        add_value(m, b, at, end);
    }
    if (is_new && (LUA_HAS_INTEGERS || end > at))
      at = last = end;
    else if (at < m->subject_end)
      luaL_addchar(b, *at++);
    else
      break;
    if (is_anchored) break;
  }
  luaL_addlstring(b, at, (size_t)(m->subject_end - at));
  return count;
}

/* (subject, pattern, replacement, most) */
static int string_gsub(lua_State *L) {
  size_t size = 0, pattern_size = 0;
  const char *subject = luaL_checklstring(L, 1, &size), *pattern = luaL_checklstring(L, 2, &pattern_size);
  check_replacement(L);
  const lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)size + 1);
  lua_settop(L, REPLACEMENT);
  struct matcher m = matcher_over(L, subject, size, pattern_end(pattern, pattern_size));
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  const lua_Integer count = replace(&m, pattern, most, &b);
  luaL_pushresult(&b);
  lua_pushinteger(L, count);
  return 2;
}

/* ---- rep ------------------------------------------------------------------------------------- */

enum { COPIED_AT_ONCE = 1 << 16, LONGEST_OF_LUAJIT = 0x7fffff00 };

/* Fills the block with a text, over and over. */
static void fill(lua_State *L, char *block, size_t size, const char *text, size_t text_size) {
  const size_t whole = text_size < COPIED_AT_ONCE ? COPIED_AT_ONCE / text_size * text_size : text_size;
  size_t done = text_size < size ? text_size : size;
  memcpy(block, text, done);
  while (done < size) {
    size_t part = done < whole ? done : whole;
    if (part > size - done) part = size - done;
    memcpy(block + done, block, part);
    done += part;
    vm_steps(L, vm_of(L), (unsigned)(part / BYTES_OF_A_STEP));
  }
}

/* (text, count, separator) */
static int string_rep(lua_State *L) {
  size_t size = 0, separator_size = 0;
  luaL_checklstring(L, 1, &size);
  const lua_Integer count = luaL_checkinteger(L, 2);
  luaL_optlstring(L, 3, "", &separator_size);
  lua_settop(L, 3);
  const size_t longest = LUA_HAS_INTEGERS ? SIZE_MAX >> 1 : LONGEST_OF_LUAJIT;
  const size_t period = size + separator_size;
  if (count <= 0 || !period) {
    lua_pushliteral(L, "");
    return 1;
  }
  if (period < size || period > longest / (uint64_t)count) return luaL_error(L, "resulting string too large");
  const size_t total = period * (size_t)count - separator_size;
  if (separator_size) {
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 3);
    lua_concat(L, 2);
    lua_replace(L, 1);
  }
  char *block = lua_newuserdata(L, total ? total : 1);
  fill(L, block, total, lua_tostring(L, 1), period);
  lua_pushlstring(L, block, total);
  return 1;
}

/* 5.1 called gmatch gfind, too. */
void counted_install_strings(lua_State *L) {
  static const luaL_Reg functions[] = {{"find", string_find},     {"match", string_match},
                                       {"gmatch", string_gmatch}, {"gsub", string_gsub},
                                       {"rep", string_rep},       {NULL, NULL}};
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "gfind");
  if (!lua_isnil(L, -1)) {
    lua_getfield(L, -2, "gmatch");
    lua_setfield(L, -3, "gfind");
  }
  lua_pop(L, 3);
}
