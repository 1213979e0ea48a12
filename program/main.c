/* SPDX-License-Identifier: MIT */
/* The host program: `manymoons script.lua args…` behaves like the stand-alone lua5.4, with
 * `require "manymoons"` built in. Subcommands are embedded Lua (bindings/lua/cli).
 *
 * This file opens the main VM, sets the arguments, runs the script, ends the workers and closes the
 * VM. The other files of this folder:
 *   options         the command line
 *   chunk           running chunks and printing errors
 *   ctrl_c          Ctrl-C
 *   quit            SIGQUIT, which has all stacks printed
 *   repl, editor    the interactive mode
 *   history, prompt its history; its part in Lua
 *   tracing         recordings for the command line
 *
 * Worker processes start here, too, with the internal options --worker and --forkserver
 * (bindings/worker_entry.c).
 *
 * I1  The workers are ended once, however the program exits: after the last line, by os.exit, an
 *     error or Ctrl-C. Unless it is interrupted, it waits for the workers that are not daemons.
 * I2  "interrupted" is printed once, here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async/exit_seam.h"
#include "base/version.h"
#include "chunk.h"
#include "cli/stats.h"
#include "cli/tracing.h"
#include "ctrl_c.h"
#include "deadlock/standstill.h"
#include "embedded.h"
#include "library.h"
#include "options.h"
#include "os/environment.h"
#include "os/process.h"
#include "os/terminal.h"
#include "precompiled.h"
#include "quit.h"
#include "repl.h"
#include "shared/segment.h"
#include "state/originals.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"
#include "state/vm_open.h"
#include "tracing.h"
#include "worker/gil.h"
#include "worker_entry.h"

enum { EXIT_INTERRUPTED = 130, SUBCOMMAND_NAME_MAX = 64 };

/* The work of the main VM, and its outcome. */
struct job {
  struct options options;
  bool has_succeeded;
  int failure; /* the exit status if it has not */
};

/* ---- the globals of a script ----------------------------------------------------------------- */

/* Sets `arg`: the script's name at 0, its arguments from 1, the words before it at negative
 * indices. */
static void set_arguments(lua_State *L, const struct options *o) {
  const int zero = o->script == o->argc ? 0 : o->script;
  lua_createtable(L, o->argc - zero, zero + 1);
  for (int i = 0; i < o->argc; i++) {
    lua_pushstring(L, o->argv[i]);
    lua_rawseti(L, -2, i - zero);
  }
  lua_setglobal(L, "arg");
}

/* Pushes the present values of `arg`, which -e may have changed. [-0, +count, raises] */
static int push_arguments(lua_State *L) {
  if (lua_getglobal(L, "arg") != LUA_TTABLE) luaL_error(L, "'arg' is not a table");
  const int count = (int)luaL_len(L, -1);
  luaL_checkstack(L, count + 3, "too many arguments to script");
  for (int i = 1; i <= count; i++) lua_rawgeti(L, -i, i);
  lua_remove(L, -count - 1);
  return count;
}

static int exit_status(lua_State *L) {
  if (lua_isboolean(L, 1)) return lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
  return (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
}

/* Ends the workers first, then does the same as Lua's os.exit. [-n, raises or does not return] */
static int end_program(lua_State *L, UNUSED int how, UNUSED lua_KContext context) {
  const int code = exit_status(L);
  struct vm *vm = vm_of(L);
  manymoons_library.end_workers(L, SHUTDOWN_JOIN);
  if (ctrl_c_was_pressed()) vm_raise_stop(L, vm);
  ctrl_c_release();
  const bool has_written = !trace_has_failed(L);
  gil_settle(vm);
  stats_write();
  if (lua_toboolean(L, 2)) vm_close(vm);
  exit((tracing_end() && has_written) || code ? code : EXIT_FAILURE);
}

/* os.exit of the main VM. The library may end a worker instead (async/exit_seam.h); in a forked worker
 * another function is in its place. [-n, raises or does not return] */
static int leave(lua_State *L) {
  const int count = lua_gettop(L);
  originals_push(L, LUA_OSLIBNAME, "exit");
  const lua_CFunction now = lua_tocfunction(L, -1);
  lua_settop(L, count);
  if (now && now != leave) return now(L);
  if (!exit_seam_push(L)) return end_program(L, LUA_OK, 0);
  for (int i = 1; i <= count; i++) lua_pushvalue(L, i);
  lua_callk(L, count, 0, 0, end_program);
  return end_program(L, LUA_OK, 0);
}

static void set_globals(lua_State *L, const struct options *o) {
  manymoons_library.preload(L);
  set_arguments(L, o);
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, leave);
  lua_setfield(L, -2, "exit");
  lua_pushcfunction(L, leave);
  originals_replace(L, LUA_OSLIBNAME, "exit");
  exit_seam_offer(L);
  lua_pop(L, 1);
}

/* ---- running, in this order ------------------------------------------------------------------ */

/* Runs LUA_INIT_5_4, else LUA_INIT: a chunk, or @file. */
static bool run_environment(lua_State *L, const struct options *o) {
  if (o->ignores_environment) return true;
  const char *name = "=LUA_INIT_5_4";
  const char *text = environment_get(name + 1);
  if (!text) text = environment_get((name = "=LUA_INIT") + 1);
  if (!text) return true;
  return text[0] == '@' ? chunk_run_file(L, text + 1) : chunk_run_text(L, text, name);
}

static int load_library(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "manymoons");
  lua_call(L, 1, 1);
  return 1;
}

/* module, world → nothing */
static int set_world(lua_State *L) {
  lua_getfield(L, 1, "set_world");
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

/* What the exit status is, unless the job goes on. */
static int choose_world(lua_State *L, const struct options *o) {
  if (!o->world) return EXIT_SUCCESS;
  lua_pushcfunction(L, load_library);
  if (!chunk_succeeded(L, lua_pcall(L, 0, 1, 0))) return EXIT_FAILURE;
  lua_pushcfunction(L, set_world);
  lua_insert(L, -2);
  lua_pushstring(L, o->world);
  return chunk_succeeded(L, lua_pcall(L, 2, 0, 0)) ? EXIT_SUCCESS : EXIT_WRONG_USE;
}

static bool run_step(lua_State *L, const struct step *step) {
  switch (step->kind) {
    case STEP_EXECUTE: return chunk_run_text(L, step->text, "=(command line)");
    case STEP_REQUIRE: return chunk_require(L, step->text);
    case STEP_WARN: lua_warning(L, "@on", 0); return true;
  }
  return false;
}

/* compare runs the script in other processes, which get the options that run code (compare/plan.lua). */
static bool leaves_steps_to_runs(const struct options *o) {
  return o->is_subcommand && strcmp(o->argv[o->script], "compare") == 0;
}

static bool run_steps(lua_State *L, const struct options *o) {
  struct step step;
  if (leaves_steps_to_runs(o)) return true;
  for (int cursor = 0; options_next_step(o, &cursor, &step);)
    if (!run_step(L, &step)) return false;
  return true;
}

/* The source of the subcommand of that name; NULL: there is none. */
static const char *find_source(const char *word, size_t *size) {
  char name[SUBCOMMAND_NAME_MAX];
  const int length = snprintf(name, sizeof name, "cli.%s", word);
  return length < (int)sizeof name ? embedded_find(name, size) : NULL;
}

/* The file that has the subcommand's usage. */
static const char *find_usage(const char *word, size_t *size) {
  return strcmp(word, "compare") == 0 ? embedded_find("compare.plan", size) : find_source(word, size);
}

/* The source of the subcommand that the script's name denotes; NULL: it is the name of a file. */
static const char *find_subcommand(const struct options *o, size_t *size) {
  return o->is_script_literal ? NULL : find_source(o->argv[o->script], size);
}

static int load_subcommand(lua_State *L, const char *word, const char *source, size_t size) {
  const char *name = lua_pushfstring(L, "=manymoons/cli/%s.lua", word);
  const int state = luaL_loadbuffer(L, source, size, name);
  lua_remove(L, -2);
  return state;
}

static int load_script(lua_State *L, const struct options *o) {
  const char *name = o->argv[o->script];
  size_t size = 0;
  const char *source = find_subcommand(o, &size);
  if (source) return load_subcommand(L, name, source, size);
  return luaL_loadfile(L, strcmp(name, "-") == 0 && !o->is_script_literal ? NULL : name);
}

static bool run_script(lua_State *L, const struct options *o) {
  const int state = load_script(L, o);
  return chunk_succeeded(L, state == LUA_OK ? chunk_call(L, push_arguments(L), 0) : state);
}

static void print_version(void) {
  puts("manymoons " MANYMOONS_VERSION " (" LUA_RELEASE ")");
  fflush(stdout);
}

/* Runs stdin if there is no script. As with lua5.4, an error in it does not change the exit status;
 * with the script's name "-" it does. */
static void run_input(lua_State *L) {
  if (!terminal_is(TERMINAL_INPUT)) {
    chunk_run_file(L, NULL);
    return;
  }
  print_version();
  repl_run(L);
}

static bool run_script_or_input(lua_State *L, const struct options *o) {
  const bool has_script = o->script < o->argc;
  if (has_script && !run_script(L, o)) return false;
  if (o->is_interactive)
    repl_run(L);
  else if (!has_script && !o->has_chunks && !o->shows_version)
    run_input(L);
  return true;
}

/* job (light) → nothing */
static int run_job(lua_State *L) {
  struct job *job = lua_touserdata(L, 1);
  const struct options *o = &job->options;
  lua_settop(L, 0);
  if (o->shows_version) print_version();
  set_globals(L, o);
  if (!run_environment(L, o)) return 0;
  const int refusal = choose_world(L, o);
  if (refusal) {
    job->failure = refusal;
    return 0;
  }
  job->has_succeeded = tracing_begin_profile(L) && run_steps(L, o) && run_script_or_input(L, o);
  return 0;
}

/* ---- the main VM ----------------------------------------------------------------------------- */

/* True: Ctrl-C ended the program, possibly while it waited for its workers. */
static bool end_workers(struct vm *vm) {
  lua_State *L = vm_lua(vm);
  if (!ctrl_c_was_pressed()) manymoons_library.end_workers(L, SHUTDOWN_JOIN);
  const bool was_interrupted = ctrl_c_was_pressed();
  if (was_interrupted) { /* before the release: the next signal ends the program silently */
    fflush(stdout);
    fputs("manymoons: interrupted\n", stderr);
  }
  ctrl_c_release();
  vm_end_stops(vm);
  if (!was_interrupted) return false;
  const bool has_to_write = tracing_is_on() || segment_profiling() != 0;
  if (!has_to_write) ctrl_c_limit_cleanup(EXIT_INTERRUPTED);
  manymoons_library.end_workers(L, SHUTDOWN_TERMINATE);
  if (!has_to_write) return true;
  tracing_end();
  ctrl_c_limit_cleanup(EXIT_INTERRUPTED);
  return true;
}

static int run_main_vm(struct job *job) {
  struct vm *vm = NULL;
  const struct vm_options options = {.ignores_environment = job->options.ignores_environment};
  if (vm_open(&vm, &options)) {
    fputs("manymoons: cannot create state: not enough memory\n", stderr);
    return EXIT_FAILURE;
  }
  vm_bind_thread(vm);
  (void)!vm_prepare_requests(); /* so that another program can look at its stacks */
  standstill_follow_environment(vm, STANDSTILL_SECONDS);
  ctrl_c_catch(vm);
  quit_catch();
  lua_State *L = vm_lua(vm);
  lua_pushcfunction(L, run_job);
  lua_pushlightuserdata(L, job);
  if (!chunk_succeeded(L, lua_pcall(L, 1, 0, 0))) job->has_succeeded = false;
  const bool was_interrupted = end_workers(vm);
  const bool has_written = !trace_has_failed(L);
  gil_settle(vm);
  stats_write();
  vm_close(vm);
  if (was_interrupted) return EXIT_INTERRUPTED;
  if (!tracing_end() || !has_written) return EXIT_FAILURE;
  return job->has_succeeded ? EXIT_SUCCESS : job->failure;
}

/* By this name the library knows that it can run this program again, whatever its file is called
 * (vm/state/launch.c). */
extern MODULE_EXPORT const char manymoons_program[];
const char manymoons_program[] = "manymoons";

/* Whether the script's name is that of no file, and almost that of a subcommand, which is printed. */
static bool is_misspelt_command(const struct options *o) {
  size_t size = 0;
  if (o->script >= o->argc || o->is_script_literal || find_subcommand(o, &size)) return false;
  const char *name = o->argv[o->script];
  const char *meant = options_nearest_command(name);
  FILE *file = meant ? fopen(name, "r") : NULL;
  if (file) fclose(file);
  if (!meant || file) return false;
  fprintf(stderr, "manymoons: no script or command '%s': did you mean '%s'? (try --help)\n", name, meant);
  return true;
}

static int obey(struct job *job) {
  if (job->options.wrong) return options_refuse(&job->options, stderr);
  if (job->options.shows_help) {
    options_print_usage(stdout);
    return EXIT_SUCCESS;
  }
  if (is_misspelt_command(&job->options)) return EXIT_WRONG_USE;
  if (!tracing_begin(&job->options)) return EXIT_FAILURE;
  return run_main_vm(job);
}

int main(int argc, char **argv) {
  process_fill_standard_descriptors();
  embedded_use_compiled(precompiled_find);
  if (argc == 3 && strcmp(argv[1], "--worker") == 0) entry_run(LAUNCH_WORKER, argv[2]);
  if (argc == 3 && strcmp(argv[1], "--forkserver") == 0) entry_run(LAUNCH_FORKSERVER, argv[2]);
  struct job job = {.options = options_parse(argc, argv, find_usage), .failure = EXIT_FAILURE};
  const int code = obey(&job);
  options_fini(&job.options);
  return code;
}
