/* SPDX-License-Identifier: MIT */
#include "state/traceback.h"

#include <stdio.h>
#include <string.h>

#include "os/environment.h"
#include "state/caller.h"

/* Of a deep stack the innermost and the outermost levels are shown. */
enum { SHOWN_INNERMOST = 24, SHOWN_OUTERMOST = 12, TEXT_MAX = 4096, NONE = -1 };

/* ---- the stack ------------------------------------------------------------------------------- */

/* The number of levels, found as Lua's own traceback does: each look costs as much as its level is deep. */
static int count_levels(lua_State *of) {
  lua_Debug frame;
  int below = 0, above = 1;
  while (lua_getstack(of, above, &frame)) {
    below = above;
    above *= 2;
  }
  while (below < above) {
    const int middle = (below + above) / 2;
    if (lua_getstack(of, middle, &frame))
      below = middle + 1;
    else
      above = middle;
  }
  return above;
}

static bool is_c(const lua_Debug *frame) { return *frame->what == 'C'; }

/* Before Lua 5.2 a tail call is a frame of its own. */
static bool is_tail_mark(const lua_Debug *frame) {
  return *frame->what == 't' || strcmp(frame->source, "=(tail call)") == 0;
}

/* ---- the text -------------------------------------------------------------------------------- */

/* The lines written so far. Those of C functions whose caller is not known yet begin at `pending`. */
struct lines {
  char *text;
  size_t capacity;
  size_t size;
  int pending; /* NONE: there are none */
  bool was_kept;
  bool has_script;
};

static void add(struct lines *t, const char *line, const char *end) {
  const int written = snprintf(t->text + t->size, t->capacity - t->size, "\n\t%s%s", line, end);
  if (written > 0 && (size_t)written < t->capacity - t->size)
    t->size += (size_t)written;
  else
    t->text[t->size] = '\0';
}

static void write_function(const lua_Debug *frame, char *text, size_t size) {
  const char *kind = frame->namewhat && *frame->namewhat ? frame->namewhat : NULL;
  if (*frame->what == 'm')
    snprintf(text, size, "main chunk");
  else if (kind && (is_c(frame) || strcmp(kind, "global") == 0))
    snprintf(text, size, "function '%s'", frame->name);
  else if (kind)
    snprintf(text, size, "%s '%s'", kind, frame->name);
  else if (is_c(frame))
    snprintf(text, size, "?");
  else
    snprintf(text, size, "function <%s:%d>", frame->short_src, frame->linedefined);
}

static void add_frame(struct lines *t, const lua_Debug *frame) {
  char function[2 * LUA_IDSIZE], line[4 * LUA_IDSIZE];
  write_function(frame, function, sizeof function);
  if (frame->currentline > 0)
    snprintf(line, sizeof line, "%s:%d: in %s", frame->short_src, frame->currentline, function);
  else
    snprintf(line, sizeof line, "%s: in %s", frame->short_src, function);
  add(t, line, lua_is_tail_call(frame) ? "\n\t(...tail calls...)" : "");
}

/* The C functions since the last frame of Lua were called by the library. */
static void drop_pending(struct lines *t) {
  if (t->pending != NONE) t->text[t->size = (size_t)t->pending] = '\0';
  t->pending = NONE;
}

static void take_frame(struct lines *t, const lua_Debug *frame) {
  if (is_tail_mark(frame)) {
    if (t->was_kept) add(t, "(...tail calls...)", "");
  } else if (caller_is_own(frame)) {
    drop_pending(t);
    t->was_kept = false;
  } else {
    t->has_script |= !is_c(frame);
    if (!is_c(frame))
      t->pending = NONE;
    else if (t->pending == NONE)
      t->pending = (int)t->size;
    add_frame(t, frame);
    t->was_kept = true;
  }
}

static void add_gap(struct lines *t, int levels) {
  char line[64];
  snprintf(line, sizeof line, "...\t(skipping %d levels)", levels);
  t->pending = NONE;
  add(t, line, "");
}

/* The function that the library runs has left no frame: it ended by a tail call. */
static void add_called(struct lines *t, lua_State *of, const lua_Debug *bottom) {
  lua_Debug called;
  char line[3 * LUA_IDSIZE];
  t->pending = NONE;
  if (!caller_describe_called(of, bottom, &called)) return;
  snprintf(line, sizeof line, "(...tail calls...)\n\t%s:%d: in function <%s:%d>", called.short_src,
           called.linedefined, called.short_src, called.linedefined);
  add(t, line, "");
}

/* How many levels are left out after this one, which is the `shown`th. count: of all levels */
static int gap_after(int level, int shown, int count) {
  const int left = count - level - 1;
  return shown == SHOWN_INNERMOST && left > SHOWN_OUTERMOST ? left - SHOWN_OUTERMOST : 0;
}

/* Each level is looked at once, because a look costs as much as the level is deep. */
static size_t write_lines(lua_State *of, int level, int count, char *text, size_t size) {
  struct lines lines = {.text = text, .capacity = size, .pending = NONE}, *t = &lines;
  lua_Debug frame, caller;
  const int first = level;
  text[0] = '\0';
  for (bool is_there = lua_getstack(of, level, &frame); is_there; level++, frame = caller) {
    lua_getinfo(of, LUA_INFO_OF_LINE, &frame);
    if (caller_is_bottom(of, &frame)) {
      if (!t->has_script) add_called(t, of, &frame);
      break;
    }
    is_there = lua_getstack(of, level + 1, &caller);
    if (is_there) lua_getinfo(of, "S", &caller);
    if (is_there && caller_is_own(&caller)) frame.namewhat = ""; /* its name is the library's */
    take_frame(t, &frame);
    const int gap = gap_after(level, level - first + 1, count);
    if (gap == 0) continue;
    add_gap(t, gap);
    level += gap;
    is_there = lua_getstack(of, level + 1, &caller);
  }
  drop_pending(t);
  return t->size;
}

size_t traceback_write(lua_State *of, int level, char *text, size_t size) {
  return write_lines(of, level, count_levels(of), text, size);
}

/* ---- whether Lua writes it ------------------------------------------------------------------- */

static bool is_debugging(void) {
  const char *value = environment_get("MANYMOONS_DEBUG");
  return value && *value && strcmp(value, "0") != 0;
}

static bool has_own_frame(lua_State *of, int level, int count) {
  lua_Debug frame;
  const int first = level;
  for (; lua_getstack(of, level, &frame); level++) {
    lua_getinfo(of, "S", &frame);
    if (caller_is_own(&frame) || caller_is_bottom(of, &frame)) return true;
    level += gap_after(level, level - first + 1, count);
  }
  return false;
}

void traceback_push(lua_State *L, lua_State *of, const char *message, int level) {
  const int count = count_levels(of);
  if (is_debugging() || !lua_checkstack(of, 4) || !has_own_frame(of, level, count)) {
    lua_trace(L, of, message, level);
    return;
  }
  char text[TEXT_MAX];
  write_lines(of, level, count, text, sizeof text);
  lua_pushfstring(L, "%s%sstack traceback:%s", message ? message : "", message ? "\n" : "", text);
}

void traceback_push_place(lua_State *L, lua_State *of) {
  lua_Debug ar = {.currentline = 0};
  for (int level = 0; ar.currentline <= 0 && lua_getstack(of, level, &ar); level++)
    lua_getinfo(of, "Sl", &ar);
  if (ar.currentline > 0)
    lua_pushfstring(L, "stopped at %s:%d", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "stopped");
  traceback_push(L, of, lua_tostring(L, -1), 0);
  lua_remove(L, -2);
}

int traceback_call(lua_State *L) {
  lua_State *of = lua_tothread(L, 1);
  traceback_push(L, of ? of : L, NULL, of ? 0 : 1);
  return 1;
}
