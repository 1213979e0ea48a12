/* SPDX-License-Identifier: MIT */
#include "io/file.h"

#include <errno.h>

#include "base/memory.h"
#include "io/result.h"
#include "os/process.h"
#include "state/vm.h"

static const char state_key = 's'; /* its address is the key of the registry */

/* ---- the state ------------------------------------------------------------------------------- */

static void push_state(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key); }

struct io_files *io_files_of(lua_State *L) {
  push_state(L);
  struct io_files *s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return s;
}

void io_files_push_original(lua_State *L, const char *key) {
  push_state(L);
  lua_getcompanion(L, -1);
  lua_getfield(L, -1, key);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

static struct io_file_command *command_of(struct io_files *s, const FILE *f) {
  struct io_file_command *c = s->commands;
  while (c && c->file != f) c = c->next;
  return c;
}

/* The VM ends: its commands end as at pclose. Those of a worker that was stopped have been killed by then. */
static int collect_state(lua_State *L) {
  struct io_files *s = lua_touserdata(L, 1);
  for (struct io_file_command *c = s->commands, *next; c; c = next) {
    int report;
    next = c->next;
    (void)!command_reap(&c->command, &report);
    memory_free(c);
  }
  s->commands = NULL;
  return 0;
}

struct io_files *io_files_new(lua_State *L) {
  struct io_files *s = lua_newuserdata(L, sizeof *s);
  *s = (struct io_files){.pid = process_pid()};
  lua_insert(L, -2);
  lua_setcompanion(L, -2);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, collect_state);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  return s;
}

/* ---- the userdata ---------------------------------------------------------------------------- */

/* For Lua's own `close`, which a script may have kept. */
static int closer(lua_State *L) NO_THREAD_SAFETY_ANALYSIS { return io_file_close(L, 1); }

/* A file without a byte, one for all VMs of the process; NULL: there are no descriptors. Never closed. */
static FILE *empty_input(void) {
  static FILE *_Atomic opened;
  FILE *f = atomic_load(&opened);
  if (f) return f;
  FILE *mine = fopen("/dev/null", "re");
  if (!mine || atomic_compare_exchange_strong(&opened, &f, mine)) return mine;
  (void)!fclose(mine);
  return f;
}

FILE *io_file_source(lua_State *L, FILE *f) {
  if (f != stdin) return f;
  const struct vm *vm = vm_of(L);
  FILE *empty = vm && vm->has_no_input ? empty_input() : NULL;
  return empty ? empty : f;
}

FILE *io_file_at(lua_State *L, int index) { return lua_file_get(lua_touserdata(L, index)); }

FILE *io_file_check(lua_State *L, int index) {
  FILE *f = lua_file_get(luaL_checkudata(L, index, LUA_FILEHANDLE));
  if (!f) luaL_error(L, "attempt to use a closed file");
  return f;
}

/* LuaJIT marks the files of its library, for its FFI and io.type, where no API reaches: so one that it has made
 * itself is emptied. Without /dev/null (a sandbox) the file lacks the mark. */
static bool push_marked(lua_State *L) {
  if (!lua_is_jit()) return false;
  io_files_push_original(L, "io.open");
  lua_pushliteral(L, "/dev/null");
  lua_call(L, 1, 1);
  void *file = lua_touserdata(L, -1);
  if (file) {
    fclose(lua_file_get(file));
    lua_file_set(file, NULL, NULL);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

void io_file_push(lua_State *L) {
  if (!push_marked(L)) {
    lua_file_set(lua_newuserdata(L, lua_file_size()), NULL, NULL);
    luaL_getmetatable(L, LUA_FILEHANDLE);
    lua_setmetatable(L, -2);
  }
  lua_file_own(L, -1, closer);
}

void io_file_set(lua_State *L, int index, FILE *file) {
  lua_file_set(lua_touserdata(L, index), file, closer);
}

bool io_file_is_ours(lua_State *L, int index) { return lua_file_is_closed_by(L, index, closer); }

/* ---- uses ------------------------------------------------------------------------------------ */

static struct io_file_use *use_of(const struct io_files *s, const FILE *file) {
  struct io_file_use *u = s->uses;
  while (u && u->file != file) u = u->next;
  return u;
}

bool io_file_is_used(const struct io_files *s, const FILE *file) {
  return s->uses && use_of(s, file) && s->pid == process_pid();
}

static bool is_of_caller(lua_State *L, const struct io_file_use *u) {
  const struct away_caller here = away_caller(L);
  return u->caller.thread == here.thread && u->caller.task == here.task;
}

/* Whether a call that is not below this one on the stack uses it. */
static bool is_used_elsewhere(lua_State *L, const struct io_files *s, const FILE *file) {
  return io_file_is_used(s, file) && !is_of_caller(L, use_of(s, file));
}

static void begin(lua_State *L, struct io_files *s, struct io_file_use *u, FILE *file) {
  const int32_t pid = process_pid();
  if (s->pid != pid) s->uses = NULL;
  s->pid = pid;
  *u = (struct io_file_use){.file = file, .caller = away_caller(L), .next = s->uses};
  s->uses = u;
}

static void end(struct io_files *s, const struct io_file_use *u) {
  struct io_file_use **at = &s->uses;
  while (*at && *at != u) at = &(*at)->next;
  if (*at) *at = u->next;
  if (s->waiters == 0) return;
  atomic_fetch_add(&s->changes, 1);
  (void)futex_wake(&s->changes, INT32_MAX);
}

/* Until some use has ended. [raises] */
static void wait_for_an_end(lua_State *L, struct io_files *s) REQUIRES(rank_vm) {
  s->waiters++;
  const status st = away_until_changed(L, &s->changes, atomic_load(&s->changes));
  s->waiters--;
  away_raise(L, st);
}

/* Until no call uses the FILE of the file at `index`, which is returned; NULL: it was closed meanwhile. [raises] */
static FILE *wait_until_free(lua_State *L, struct io_files *s, int index) REQUIRES(rank_vm) {
  for (;;) {
    FILE *f = io_file_at(L, index);
    if (!f || !is_used_elsewhere(L, s, f)) return f;
    wait_for_an_end(L, s);
  }
}

struct io_file_use *io_file_current(lua_State *L) {
  return lua_touserdata(L, 1);
}

void io_file_raise(lua_State *L, const struct io_file_use *u, status st) {
  away_raise(L, st);
  if (!u->is_closed) return;
  lua_pushnil(L); /* io_file_use has the text */
  lua_error(L);
}

/* (values …) */
static int use(lua_State *L, struct io_files *s, FILE *file, lua_CFunction body) {
  struct io_file_use u;
  const int count = lua_gettop(L);
  luaL_checkstack(L, 8, "too many arguments");
  lua_pushcfunction(L, body);
  lua_insert(L, 1);
  lua_pushlightuserdata(L, &u);
  lua_insert(L, 2);
  begin(L, s, &u, file);
  const int failed = lua_pcall(L, count + 1, LUA_MULTRET, 0);
  end(s, &u);
  bytes_fini(&u.bytes);
  if (failed && u.is_closed) return luaL_error(L, "attempt to use a closed file");
  return failed ? lua_error(L) : lua_gettop(L);
}

int io_file_use(lua_State *L, int index, lua_CFunction body) {
  struct io_files *s = io_files_of(L);
  FILE *f = wait_until_free(L, s, index);
  if (!f) return luaL_error(L, "attempt to use a closed file");
  return use(L, s, io_file_source(L, f), body);
}

int io_file_use_stream(lua_State *L, FILE *file, lua_CFunction body) {
  struct io_files *s = io_files_of(L);
  while (is_used_elsewhere(L, s, file)) wait_for_an_end(L, s);
  return use(L, s, file, body);
}

/* ---- closing --------------------------------------------------------------------------------- */

struct closing {
  FILE *file;
  int error; /* 0: it is closed, and all was written */
};

static void close_file(void *context) {
  struct closing *c = context;
  c->error = fclose(c->file) == 0 ? 0 : errno;
}

/* The body of a use: what was written and waits in the buffer can be given to the system at once. */
static int wait_to_flush(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  const struct io_file_use *u = io_file_current(L);
  if (file_stream_pending(u->file) && file_stream_kind(u->file) == FILE_STREAM_WAITABLE)
    io_file_raise(L, u, away_wait(L, &u->is_closed, AWAY_FILE, fileno(u->file), AWAY_TO_WRITE));
  lua_settop(L, 2);
  return 1; /* the file */
}

static void remove_command(struct io_files *s, struct io_file_command *c) {
  struct io_file_command **at = &s->commands;
  while (*at != c) at = &(*at)->next;
  *at = c->next;
  memory_free(c);
}

void io_files_take_ends(struct io_files *s) {
  for (struct io_file_command *c = s->commands, *next; c; c = next) {
    next = c->next;
    if (c->is_left && command_reap_if_ended(&c->command)) remove_command(s, c);
  }
}

static int end_command(lua_State *L, struct io_files *s, struct io_file_command *c) REQUIRES(rank_vm) {
  status st = STATUS_OK;
  int report = 0;
  if (c->command.starter == process_pid() && c->command.pidfd >= 0)
    st = away_wait(L, NULL, AWAY_COMMAND, c->command.pidfd, AWAY_TO_READ);
  if (st == STATUS_INTERRUPTED || st == -EDEADLK) {
    c->is_left = true;
    away_raise(L, st);
  }
  st = command_reap(&c->command, &report);
  remove_command(s, c);
  return result_push_close(L, s->tells_ends, st, report);
}

static void add_command(struct io_files *s, struct io_file_command *c) {
  c->next = s->commands;
  s->commands = c;
}

void io_files_leave_command(struct io_files *s, const struct command *command) {
  struct io_file_command *c = memory_alloc(sizeof *c);
  if (!c) return;
  c->command = *command;
  c->is_left = true;
  add_command(s, c);
}

struct opening {
  struct io_file_command *made;
  const char *text;
  enum command_stream direction;
  status st;
};

static void open_command(void *context) {
  struct opening *o = context;
  o->st = command_open(&o->made->command, o->text, o->direction, &o->made->file);
}

status io_file_set_command(lua_State *L, int index, const char *text, enum command_stream direction) {
  struct io_files *s = io_files_of(L);
  struct io_file_command *c = memory_alloc(sizeof *c);
  if (!c) return -ENOMEM;
  struct opening opening = {.made = c, .text = text, .direction = direction};
  away_do_shortly(L, open_command, &opening);
  if (opening.st) {
    memory_free(c);
    return opening.st;
  }
  add_command(s, c);
  io_file_set(L, index, c->file);
  return STATUS_OK;
}

static int close_ours(lua_State *L, struct io_files *s, int index) REQUIRES(rank_vm) {
  struct closing closing = {.file = io_file_at(L, index)};
  struct io_file_command *command = command_of(s, closing.file);
  if (command) command->file = NULL; /* the next FILE may be at the same place */
  const bool is_short = file_stream_pending(closing.file) == 0;
  io_file_set(L, index, NULL);
  status st = STATUS_OK;
  if (is_short)
    away_do_shortly(L, close_file, &closing);
  else
    st = away_do(L, close_file, &closing);
  if (st && command) command->is_left = true;
  away_raise(L, st);
  return command ? end_command(L, s, command) : result_push(L, closing.error, NULL);
}

/* Another thread's or task's call that uses the file ends. */
static void end_use(lua_State *L, struct io_files *s, int index) REQUIRES(rank_vm) {
  FILE *f = io_file_at(L, index);
  struct io_file_use *u = io_file_is_used(s, f) ? use_of(s, f) : NULL;
  if (u && is_of_caller(L, u)) luaL_error(L, "attempt to close a file that its caller uses");
  if (u && !u->is_closed) away_close(L, index, &u->is_closed, fileno(f));
  if (u && !wait_until_free(L, s, index)) luaL_error(L, "attempt to use a closed file");
}

int io_file_close(lua_State *L, int index) {
  struct io_files *s = io_files_of(L);
  (void)io_file_check(L, index);
  end_use(L, s, index);
  lua_pushvalue(L, index);
  lua_insert(L, 1);
  lua_settop(L, 1);
  if (!io_file_is_ours(L, 1)) {
    io_files_push_original(L, "close");
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L);
  }
  (void)io_file_use(L, 1, wait_to_flush);
  if (!io_file_at(L, 1)) return luaL_error(L, "attempt to use a closed file");
  return close_ours(L, s, 1);
}

void io_file_collect(lua_State *L, int index) {
  struct io_files *s = io_files_of(L);
  FILE *f = io_file_at(L, index);
  if (!f || io_file_is_used(s, f)) return;
  struct io_file_command *command = command_of(s, f);
  io_file_set(L, index, NULL);
  if (command) command->file = NULL;
  if (command) command->is_left = true;
  fclose(f);
  io_files_take_ends(s);
}
