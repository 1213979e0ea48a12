/* SPDX-License-Identifier: MIT */
#include "io/opening.h"

#include <errno.h>

#include "io/result.h"

/* A call of the system with names. */
struct call {
  const char *name;
  const char *other; /* the mode, or the new name */
  FILE *file;
  int error;
};

/* ---- files ----------------------------------------------------------------------------------- */

static void open_file(void *context) {
  struct call *c = context;
  errno = 0;
  c->file = fopen(c->name, c->other);
  c->error = c->file ? 0 : errno;
}

/* A signal that is no stop is no failure: a FIFO may have to wait for its other end. */
int opening_push_file(lua_State *L, const char *name, const char *mode) {
  struct call c = {.name = name, .other = mode};
  io_file_push(L);
  do {
    const status st = away_do(L, open_file, &c);
    if (st && c.file) {
      fclose(c.file);
      c.file = NULL;
    }
    away_raise(L, st);
  } while (!c.file && c.error == EINTR);
  io_file_set(L, -1, c.file);
  return c.error;
}

/* [rwa]+?b*, where this Lua checks it. */
static bool is_mode(const char *mode) {
  if (!lua_checks_modes()) return true;
  if (*mode == '\0' || !strchr("rwa", *mode)) return false;
  mode++;
  if (*mode == '+') mode++;
  return strspn(mode, "b") == strlen(mode);
}

int opening_open(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  const char *name = luaL_checkstring(L, 1);
  const char *mode = luaL_optstring(L, 2, "r");
  if (!is_mode(mode)) return luaL_argerror(L, 2, "invalid mode");
  const int error = opening_push_file(L, name, mode);
  return error ? result_push(L, error, name) : 1;
}

static void remove_name(void *context) {
  struct call *c = context;
  c->error = remove(c->name) ? errno : 0;
}

static void rename_file(void *context) {
  struct call *c = context;
  c->error = rename(c->name, c->other) ? errno : 0;
}

int opening_remove(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct call c = {.name = luaL_checkstring(L, 1)};
  away_raise(L, away_do(L, remove_name, &c));
  return result_push(L, c.error, c.name);
}

int opening_rename(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct call c = {.name = luaL_checkstring(L, 1), .other = luaL_checkstring(L, 2)};
  away_raise(L, away_do(L, rename_file, &c));
  return result_push(L, c.error, lua_names_renamed() ? c.name : NULL);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* What the program has written comes before what its commands write. */
static void flush_all(void *context) {
  (void)context;
  fflush(NULL);
}

int opening_popen(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  const char *text = luaL_checkstring(L, 1);
  const char *mode = luaL_optstring(L, 2, "r");
  const bool is_known = (*mode == 'r' || *mode == 'w') && mode[1] == '\0';
  if (!is_known && lua_checks_modes()) return luaL_argerror(L, 2, "invalid mode");
  if (!is_known) return result_push(L, EINVAL, text);
  io_files_take_ends(io_files_here(L));
  io_file_push(L);
  away_raise(L, away_do(L, flush_all, NULL));
  const status st = io_file_set_command(L, -1, text, *mode == 'r' ? COMMAND_OUTPUT : COMMAND_INPUT);
  return st ? result_push(L, -st, text) : 1;
}

struct starting {
  const char *text;
  struct command command;
  status st;
};

static void start_command(void *context) {
  struct starting *s = context;
  s->st = command_start(&s->command, s->text);
}

/* The wait ends early: so does the command. */
static void give_up(struct io_files *s, const struct command *c) {
  command_kill(c);
  io_files_leave_command(s, c);
}

static status run_command(lua_State *L, struct io_files *s, const char *text, int *report) REQUIRES(rank_vm) {
  struct starting starting = {.text = text};
  away_do_shortly(L, start_command, &starting);
  if (starting.st) return starting.st;
  struct command *c = &starting.command;
  const status st = c->pidfd >= 0 ? away_wait(L, NULL, AWAY_COMMAND, c->pidfd, AWAY_TO_READ) : STATUS_OK;
  if (!st) return command_reap(c, report);
  give_up(s, c);
  return st;
}

/* On the first thread Ctrl-C is for the command, as with system(3); beside other threads and tasks it is for the
 * program, which has more to do than to wait. */
int opening_execute(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct io_files *s = io_files_here(L);
  const char *text = luaL_optstring(L, 1, NULL);
  if (!text) {
    io_files_push_original(L, "os.execute");
    lua_call(L, 0, 1);
    return 1;
  }
  const bool is_main = away_is_main(L);
  int report = 0;
  io_files_take_ends(s);
  if (is_main) command_hold_signals();
  const status st = run_command(L, s, text, &report);
  if (is_main) command_let_signals();
  if (st == STATUS_INTERRUPTED || st == -EDEADLK) away_raise(L, st);
  if (s->tells_ends) return result_push_end(L, st, report);
  lua_pushinteger(L, st ? -1 : report);
  return 1;
}
