/* SPDX-License-Identifier: MIT */
#include "state/caller.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "state/error.h"
#include "state/vm_struct.h"

/* The chunks of this library's Lua files, and of the Lua code in its C files. */
bool caller_is_own(const lua_Debug *ar) { return strncmp(ar->source, "=manymoons/", 11) == 0; }

/* ---- the place ------------------------------------------------------------------------------- */

bool caller_find_lua(lua_State *of, int level, lua_Debug *out) {
  for (; lua_getstack(of, level, out); level++) {
    lua_getinfo(of, "Sl", out);
    if (*out->what != 'C') return true;
  }
  return false;
}

void caller_strip_own(lua_State *L, lua_State *of, int level) {
  lua_Debug at;
  char place[LUA_IDSIZE + 16];
  if (lua_type(L, -1) != LUA_TSTRING || !caller_find_lua(of, level, &at) || !caller_is_own(&at)) return;
  const size_t size = (size_t)snprintf(place, sizeof place, "%s:%d: ", at.short_src, at.currentline);
  const char *text = lua_tostring(L, -1);
  if (strncmp(text, place, size) != 0) return;
  lua_pushstring(L, text + size);
  lua_remove(L, -2);
}

static const char mark = 'm'; /* its address marks frames; never written */

void caller_push_mark(lua_State *L) { lua_pushlightuserdata(L, (void *)(uintptr_t)&mark); }

int caller_run(lua_State *L) {
  caller_push_mark(L);
  lua_insert(L, 1);
  lua_pushvalue(L, 2);
  lua_insert(L, 3);
  lua_call(L, lua_gettop(L) - 3, LUA_MULTRET);
  return lua_gettop(L) - 2;
}

/* Pops a value. True: it is a Lua function of the script, which *out describes. */
static bool is_of_script(lua_State *L, lua_Debug *out) {
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  lua_getinfo(L, ">S", out);
  return out->linedefined > 0 && !caller_is_own(out);
}

enum search { FOUND, NOT_FOUND, GO_ON };

/* Below a marked frame is nothing of the script's call: in a forked child, the stack of its parent. */
static enum search look_in_c(lua_State *L, const lua_Debug *frame, lua_Debug *out) {
  if (!lua_getlocal(L, frame, 1)) return GO_ON;
  const bool is_marked = lua_touserdata(L, -1) == &mark;
  lua_pop(L, 1);
  if (!is_marked) return GO_ON;
  return lua_getlocal(L, frame, 2) && is_of_script(L, out) ? FOUND : NOT_FOUND;
}

static enum search look_in_own(lua_State *L, const lua_Debug *frame, lua_Debug *out) {
  const char *name = NULL;
  for (int i = 1; (name = lua_getlocal(L, frame, i)); i++) {
    if (strcmp(name, "called") != 0 && strcmp(name, "callback") != 0)
      lua_pop(L, 1);
    else if (is_of_script(L, out))
      return FOUND;
  }
  return GO_ON;
}

/* Whether a Lua function of the library has the variable that says so. */
static bool runs_for_script(lua_State *of, const lua_Debug *frame) {
  const char *name = NULL;
  for (int i = 1; (name = lua_getlocal(of, frame, i)); i++) {
    lua_pop(of, 1);
    if (strcmp(name, "called") == 0) return true;
  }
  return false;
}

/* A function without lines (stripped, or in C) says no place. */
static enum search look(lua_State *L, const lua_Debug *frame, lua_Debug *out) {
  if (*frame->what == 'C') return look_in_c(L, frame, out);
  if (caller_is_own(frame)) return look_in_own(L, frame, out);
  if (frame->currentline <= 0) return GO_ON;
  *out = *frame;
  return FOUND;
}

/* Where the search ends: *out describes the place. */
static enum search find_place(lua_State *of, lua_Debug *out) {
  lua_Debug frame;
  enum search end = GO_ON;
  out->currentline = -1;
  for (int level = 0; end == GO_ON && lua_getstack(of, level, &frame); level++) {
    lua_getinfo(of, "Sl", &frame);
    end = look(of, &frame, out);
  }
  return end;
}

static int line_of(const lua_Debug *found) {
  return found->currentline > 0 ? found->currentline : found->linedefined;
}

void caller_push_place(lua_State *L) {
  lua_Debug found;
  luaL_checkstack(L, 4, "no room for an error");
  if (find_place(L, &found) == FOUND)
    lua_pushfstring(L, "%s:%d: ", found.short_src, line_of(&found));
  else
    lua_pushliteral(L, "");
}

void caller_write_place(lua_State *of, char *text, size_t size) {
  lua_Debug found;
  if (lua_checkstack(of, 4) && find_place(of, &found) == FOUND)
    snprintf(text, size, "%s:%d", found.short_src, line_of(&found));
  else
    snprintf(text, size, "?");
}

enum { LEVELS_MAX = 24 };

bool caller_describe_called(lua_State *of, const lua_Debug *bottom, lua_Debug *out) {
  return (caller_is_own(bottom) ? look_in_own : look_in_c)(of, bottom, out) == FOUND;
}

/* ---- the stack ------------------------------------------------------------------------------- */

static void write_name(const lua_Debug *ar, char *text, size_t size) {
  if (*ar->what == 'm')
    snprintf(text, size, "main chunk");
  else if (ar->name)
    snprintf(text, size, "%s", ar->name);
  else
    snprintf(text, size, "function <%s:%d>", ar->short_src, ar->linedefined);
}

/* Appends a line whole, or not at all. */
static void append_call(const lua_Debug *ar, char *text, size_t size) {
  char name[LUA_IDSIZE + 32];
  const size_t length = strlen(text), room = size - length;
  write_name(ar, name, sizeof name);
  const int more = snprintf(text + length, room, "\n    %s (%s:%d)", name, ar->short_src, ar->currentline);
  if (more < 0 || (size_t)more >= room) text[length] = '\0';
}

bool caller_is_bottom(lua_State *of, const lua_Debug *frame) {
  if (!lua_checkstack(of, 1)) return false;
  if (caller_is_own(frame)) return runs_for_script(of, frame);
  if (*frame->what != 'C' || !lua_getlocal(of, frame, 1)) return false;
  const bool is_marked = lua_touserdata(of, -1) == &mark;
  lua_pop(of, 1);
  return is_marked;
}

/* False: nothing below belongs to the stack. */
static bool append_calls(lua_State *of, char *text, size_t size) {
  lua_Debug frame;
  for (int level = 0; level < LEVELS_MAX && lua_getstack(of, level, &frame); level++) {
    lua_getinfo(of, "nSl", &frame);
    if (caller_is_bottom(of, &frame)) return false;
    if (frame.currentline > 0 && !caller_is_own(&frame)) append_call(&frame, text, size);
  }
  return true;
}

void caller_write_stack(lua_State *of, const struct vm_resume *resumes, char *text, size_t size) {
  text[0] = '\0';
  bool goes_on = append_calls(of, text, size);
  for (; goes_on && resumes; resumes = resumes->outer) goes_on = append_calls(resumes->from, text, size);
}

/* ---- the name -------------------------------------------------------------------------------- */

/* Whether the Lua function stands between the script and a method in C, which it wraps (core/waiting.h). */
static bool is_wrapper(const lua_Debug *ar) { return strcmp(ar->source, WAITING_CHUNK) == 0; }

/* Whether no function of this library in Lua called the one above `level`, unless by a tail call in what it calls for
 * the script. */
static bool is_called_by_script(lua_State *L, int level) {
  lua_Debug ar, called;
  for (; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "S", &ar);
    if (*ar.what == 'C' && caller_is_bottom(L, &ar)) return true;
    if (*ar.what == 'C' || *ar.what == 't' || is_wrapper(&ar)) continue;
    return !caller_is_own(&ar) || look_in_own(L, &ar, &called) == FOUND;
  }
  return true;
}

/* Pushes the name of the function of the library that the script has called, if it is one in C. [-0, +0|1] */
static bool push_name(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sf", &ar);
    const bool is_c = *ar.what == 'C';
    const bool has_upvalue = is_c && lua_getupvalue(L, -1, 1);
    const bool is_named = has_upvalue && lua_type(L, -1) == LUA_TSTRING;
    if (is_named)
      lua_remove(L, -2);
    else
      lua_pop(L, has_upvalue ? 2 : 1);
    if (is_named && is_called_by_script(L, level + 1)) return true;
    if (is_named) lua_pop(L, 1);
    if (is_named || (!is_c && *ar.what != 't' && !is_wrapper(&ar))) return false;
  }
  return false;
}

/* ---- the variable ---------------------------------------------------------------------------- */

/* Whether the value on top has a metatable whose __name is the class. [-0, +0, memory] */
static bool is_of_class(lua_State *L, const char *class) {
  if (!lua_getmetatable(L, -1)) return false;
  lua_pushliteral(L, "__name");
  lua_rawget(L, -2);
  const bool is_it = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), class) == 0;
  lua_pop(L, 2);
  return is_it;
}

/* Replaces the value on top by the name, or pops it. Lua calls its own values "(temporary)". */
static bool is_variable(lua_State *L, const char *name, const char *class) {
  const bool is_it = *name && *name != '(' && is_of_class(L, class);
  lua_pop(L, 1);
  if (is_it) lua_pushstring(L, name);
  return is_it;
}

/* The last local variable of a name is the one in scope. */
static bool push_variable_of(lua_State *L, lua_Debug *frame, const char *class) {
  const char *name = NULL;
  int count = 0;
  while (lua_getlocal(L, frame, count + 1)) {
    lua_pop(L, 1);
    count++;
  }
  for (; count > 0; count--) {
    name = lua_getlocal(L, frame, count);
    if (name && is_variable(L, name, class)) return true;
  }
  lua_getinfo(L, "f", frame);
  for (int i = 1; (name = lua_getupvalue(L, -1, i)); i++) {
    if (!is_variable(L, name, class)) continue;
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

static bool push_global_of(lua_State *L, const char *class) {
  lua_pushglobaltable(L);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !is_of_class(L, class)) continue;
    lua_pop(L, 1);
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

void caller_push_variable(lua_State *L, const char *class) {
  lua_Debug frame;
  luaL_checkstack(L, 6, "no room for an error");
  for (int level = 0; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "S", &frame);
    if (*frame.what == 'C' || *frame.what == 't' || caller_is_own(&frame)) continue;
    if (push_variable_of(L, &frame, class)) return;
  }
  if (!push_global_of(L, class)) lua_pushfstring(L, "%c%s", tolower((unsigned char)*class), class + 1);
}

/* ---- the name, for messages ------------------------------------------------------------------ */

void caller_push_name(lua_State *L) {
  luaL_checkstack(L, 4, "no room for an error");
  if (push_name(L)) {
    lua_pushliteral(L, ": ");
    lua_concat(L, 2);
  } else {
    lua_pushliteral(L, "");
  }
}

bool caller_is_method(lua_State *L) {
  if (!push_name(L)) return false;
  const bool is_method = strchr(lua_tostring(L, -1), ':') != NULL;
  lua_pop(L, 1);
  return is_method;
}

void caller_name_in(lua_State *L) {
  if (lua_type(L, -1) != LUA_TSTRING || error_is_of_memory(L, LUA_ERRRUN)) return;
  caller_push_place(L);
  caller_push_name(L);
  const char *place = lua_tostring(L, -2);
  const char *text = lua_tostring(L, -3);
  const size_t size = strlen(place);
  lua_pushstring(L, strncmp(text, place, size) == 0 ? text + size : text);
  lua_concat(L, 3);
  lua_replace(L, -2);
}

void caller_push_function(lua_State *L, lua_CFunction function, const char *class, const char *name) {
  lua_pushfstring(L, "%s%s%s", class ? class : "", class ? ":" : "", name);
  lua_pushcclosure(L, function, 1);
}

void caller_set_functions(lua_State *L, const luaL_Reg *functions, const char *class) {
  for (; functions->name; functions++) {
    caller_push_function(L, functions->func, class, functions->name);
    lua_setfield(L, -2, functions->name);
  }
}
