/* SPDX-License-Identifier: MIT */
#include "terminal/terminal_rows.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "os/environment.h"
#include "os/terminal.h"
#include "process/sandboxed.h"
#include "shared/segment.h"

enum { USUAL_COLUMNS = 80, USUAL_ROWS = 24 };

int terminal_size_call(lua_State *L) {
  const int fd = (int)luaL_optinteger(L, 1, TERMINAL_ERRORS);
  const char *kind = environment_get("TERM");
  if (sandboxed_is() || !terminal_is(fd) || !kind || strcmp(kind, "dumb") == 0) return 0;
  const struct terminal_size size = terminal_size(fd);
  lua_pushinteger(L, size.columns > 0 ? size.columns : USUAL_COLUMNS);
  lua_pushinteger(L, size.rows > 0 ? size.rows : USUAL_ROWS);
  return 2;
}

int terminal_write_call(lua_State *L) {
  size_t size = 0;
  const char *text = luaL_checklstring(L, 1, &size);
  terminal_write(TERMINAL_ERRORS, text, size);
  return 0;
}

/* The margins of the whole screen, and nothing below the cursor. */
void terminal_rows_leave(void) {
  static const char text[] = "\0337\033[r\0338\033[J";
  const struct bar_rows *rows = segment_bar_rows();
  if (rows && bar_rows_has(rows, segment_self())) terminal_write(TERMINAL_ERRORS, text, sizeof text - 1);
}

/* A host may exit without closing its VM. A second registration would do no harm. */
static void leave_at_exit(void) {
  static atomic_flag is_registered = ATOMIC_FLAG_INIT;
  if (!atomic_flag_test_and_set(&is_registered)) (void)!atexit(terminal_rows_leave);
}

int terminal_take_row(lua_State *L) {
  if (segment_open()) return 0;
  const uint32_t row = bar_rows_take(segment_bar_rows(), segment_self());
  if (row == BAR_ROWS_MAX) return 0;
  leave_at_exit();
  lua_pushinteger(L, (lua_Integer)row);
  return 1;
}

int terminal_give_row(lua_State *L) {
  struct bar_rows *rows = segment_bar_rows();
  if (rows) bar_rows_give(rows, (uint32_t)luaL_checkinteger(L, 1));
  return 0;
}

int terminal_reserve_rows(lua_State *L) {
  struct bar_rows *rows = segment_bar_rows();
  uint32_t before = 0;
  lua_pushinteger(L, rows ? (lua_Integer)bar_rows_reserve(rows, &before) : 0);
  lua_pushinteger(L, (lua_Integer)before);
  return 2;
}
