/* SPDX-License-Identifier: MIT */
/* The host program: `manymoons script.lua args…` behaves like the stand-alone lua5.4, with require
 * "manymoons" built in.
 *
 * In order: the command line, signals, running chunks, the main VM's life. The interactive part is repl.c.
 * Worker processes enter here too: --worker and --forkserver are for ourselves (bindings/launch.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bindings/embedded.h"
#include "../bindings/launch.h"
#include "../bindings/module.h"
#include "repl.h"
#include "state/vm.h"
#include "state/vm_interrupt.h"

static const char program_name[] = "manymoons";

enum { EXIT_INTERRUPTED = 130 };

/* ---- the command line
 * ----------------------------------------------------------------------------------------- */

struct options {
  bool is_interactive;      /* -i */
  bool shows_version;       /* -v */
  bool shows_help;          /* -h */
  bool ignores_environment; /* -E */
  bool has_chunks;          /* -e: without a script, nothing is read from stdin */
  int script;               /* index in argv of the script's name, "-" for stdin, or argc: none */
  const char *world;
  const char *wrong; /* the option that could not be understood */
};

static const char usage[] =
    "usage: manymoons [options] [script [args]]\n"
    "       manymoons [options] compare [options] script [args]   measure a script in every world\n"
    "Available options are:\n"
    "  -e stat       execute string 'stat'\n"
    "  -i            enter interactive mode after executing 'script'\n"
    "  -l mod        require library 'mod' into global 'mod'\n"
    "  -l g=mod      require library 'mod' into global 'g'\n"
    "  -v, --version show version information\n"
    "  -E            ignore environment variables\n"
    "  -W            turn warnings on\n"
    "  --world NAME  the world that is meant where a script names none\n"
    "                (serial, interpreters, processes; default: processes)\n"
    "  -h, --help    show this help\n"
    "  --            stop handling options\n"
    "  -             stop handling options and execute stdin\n";

/* -e and -l take the rest of their word, or the next word. Returns the index of the last word used; argc:
 * none there. */
static int value_index(char **argv, int argc, int i) {
  if (argv[i][2] != '\0') return i;
  return i + 1 < argc && argv[i + 1][0] != '-' ? i + 1 : argc;
}

/* A long option. Returns the index of the last word used, or argc when it is none. */
static int parse_long(struct options *o, char **argv, int argc, int i) {
  if (strcmp(argv[i], "--version") == 0) {
    o->shows_version = true;
    return i;
  }
  if (strcmp(argv[i], "--help") == 0) {
    o->shows_help = true;
    return i;
  }
  if (strncmp(argv[i], "--world=", 8) == 0) {
    o->world = argv[i] + 8;
    return i;
  }
  if (strcmp(argv[i], "--world") != 0 || i + 1 >= argc) return argc;
  o->world = argv[i + 1];
  return i + 1;
}

static int parse_short(struct options *o, char **argv, int argc, int i) {
  const char *option = argv[i];
  if (option[1] == 'e' || option[1] == 'l') {
    o->has_chunks |= option[1] == 'e';
    return value_index(argv, argc, i);
  }
  if (option[2] != '\0') return argc;
  switch (option[1]) {
    case 'i': o->is_interactive = o->shows_version = true; return i;
    case 'v': o->shows_version = true; return i;
    case 'h': o->shows_help = true; return i;
    case 'E': o->ignores_environment = true; return i;
    case 'W': return i;
    default: return argc;
  }
}

static struct options parse(char **argv, int argc) {
  struct options o = {.script = argc};
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] != '-' || argv[i][1] == '\0') {
      o.script = i;
      return o;
    }
    if (strcmp(argv[i], "--") == 0) {
      o.script = i + 1;
      return o;
    }
    const int last = argv[i][1] == '-' ? parse_long(&o, argv, argc, i) : parse_short(&o, argv, argc, i);
    if (last == argc) {
      o.wrong = argv[i];
      return o;
    }
    i = last;
  }
  return o;
}

static int refuse(const char *wrong) {
  const char needs_argument = wrong[1] == 'e' || wrong[1] == 'l' ? wrong[1] : '\0';
  if (needs_argument && wrong[2] == '\0')
    fprintf(stderr, "%s: '%s' needs argument\n%s", program_name, wrong, usage);
  else
    fprintf(stderr, "%s: unrecognized option '%s'\n%s", program_name, wrong, usage);
  return EXIT_FAILURE;
}

/* ---- Ctrl-C
 * ----------------------------------------------------------------------------------------------------- */

static struct vm *interrupted_vm; /* the main VM, for the handler; set once before it is installed */

/* The first one asks; whoever is not heard by then may use the second. */
static void on_interrupt(int number) {
  signal(number, SIG_DFL);
  vm_interrupt_from_signal(interrupted_vm, VM_STOP_INTERRUPT);
}

static void catch_interrupts(void) {
  struct sigaction old;
  if (sigaction(SIGINT, NULL, &old) || old.sa_handler == SIG_IGN) return;
  struct sigaction action = {.sa_handler = on_interrupt};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

/* ---- running
 * ------------------------------------------------------------------------------------------------------ */

/* The message handler: a traceback for what is text, __tostring for what has it. */
static int explain(lua_State *L) {
  const char *message = lua_tostring(L, 1);
  if (!message) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  const struct vm *vm = vm_of(L);
  if (vm_should_stop(vm)) return 1;
  luaL_traceback(L, L, message, 1);
  return 1;
}

int main_call(lua_State *L, int arguments, int results) {
  const int base = lua_gettop(L) - arguments;
  lua_pushcfunction(L, explain);
  lua_insert(L, base);
  catch_interrupts();
  const int state = lua_pcall(L, arguments, results, base);
  lua_remove(L, base);
  return state;
}

void main_report(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  fflush(stdout);
  fprintf(stderr, "%s: %s\n", program_name, message ? message : "(error object is not a string)");
  fflush(stderr);
  lua_pop(L, 1);
}

/* The error of `state`, if any, is told; an interrupt is told once, at the end. */
static bool is_fine(lua_State *L, int state) {
  if (state == LUA_OK) return true;
  if (vm_should_stop(vm_of(L)))
    lua_pop(L, 1);
  else
    main_report(L);
  return false;
}

static bool run_string(lua_State *L, const char *text, const char *name) {
  int state = luaL_loadbuffer(L, text, strlen(text), name);
  if (state == LUA_OK) state = main_call(L, 0, 0);
  return is_fine(L, state);
}

static bool run_file(lua_State *L, const char *name) {
  int state = luaL_loadfile(L, name);
  if (state == LUA_OK) state = main_call(L, 0, 0);
  return is_fine(L, state);
}

/* -l mod, -l g=mod */
static bool require_library(lua_State *L, const char *text) {
  const char *equals = strchr(text, '=');
  const char *module = equals ? equals + 1 : text;
  lua_pushlstring(L, text, equals ? (size_t)(equals - text) : strlen(text));
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  const int state = main_call(L, 1, 1);
  if (state == LUA_OK) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_pushglobaltable(L);
    lua_insert(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
    return true;
  }
  return is_fine(L, state);
}

/* LUA_INIT_5_4, else LUA_INIT: a chunk, or @file. */
static bool run_environment(lua_State *L) {
  const char *name = "=LUA_INIT_5_4";
  const char *init = getenv(name + 1);
  if (!init) {
    name = "=LUA_INIT";
    init = getenv(name + 1);
  }
  if (!init) return true;
  return init[0] == '@' ? run_file(L, init + 1) : run_string(L, init, name);
}

/* The options before the script that do something, in their order. */
static bool run_options(lua_State *L, char **argv, int argc, int script) {
  for (int i = 1; i < script && i < argc; i++) {
    const char option = argv[i][1];
    if (option == '-') {
      if (strcmp(argv[i], "--world") == 0) i++;
      continue;
    }
    if (option == 'W') lua_warning(L, "@on", 0);
    if (option != 'e' && option != 'l') continue;
    const char *value = argv[i][2] != '\0' ? argv[i] + 2 : argv[++i];
    if (!(option == 'e' ? run_string(L, value, "=(command line)") : require_library(L, value))) return false;
  }
  return true;
}

static void set_arguments(lua_State *L, char **argv, int argc, int script) {
  const int zero = script == argc ? 0 : script;
  lua_createtable(L, argc - zero, zero + 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - zero);
  }
  lua_setglobal(L, "arg");
}

static int push_arguments(lua_State *L) {
  lua_getglobal(L, "arg");
  if (!lua_istable(L, -1)) luaL_error(L, "'arg' is not a table");
  const int count = (int)luaL_len(L, -1);
  luaL_checkstack(L, count + 3, "too many arguments to script");
  for (int i = 1; i <= count; i++) lua_rawgeti(L, -i, i);
  lua_remove(L, -count - 1);
  return count;
}

static bool run_script(lua_State *L, char **argv, int script) {
  const char *name = argv[script];
  if (strcmp(name, "-") == 0 && strcmp(argv[script - 1], "--") != 0) name = NULL;
  int state = luaL_loadfile(L, name);
  if (state == LUA_OK) state = main_call(L, push_arguments(L), 0);
  return is_fine(L, state);
}

/* manymoons compare …: embedded Lua, called with the rest of the command line. A file of that name goes first
 * with ./ */
static const char *find_subcommand(const char *word, size_t *size) {
  char name[64];
  snprintf(name, sizeof name, "cli_%s", word);
  return embedded_find(name, size);
}

static bool run_subcommand(lua_State *L, const char *source, size_t size, const char *word) {
  lua_pushfstring(L, "=manymoons/cli_%s.lua", word);
  const int state = luaL_loadbuffer(L, source, size, lua_tostring(L, -1));
  lua_remove(L, -2);
  return is_fine(L, state == LUA_OK ? main_call(L, push_arguments(L), 0) : state);
}

/* ---- the main VM
 * ------------------------------------------------------------------------------------------------------ */

struct command_line {
  int argc;
  char **argv;
  struct options options;
  bool is_fine;
};

static bool choose_world(lua_State *L, const char *world) {
  if (!world) return true;
  lua_getglobal(L, "require");
  lua_pushstring(L, program_name);
  if (!is_fine(L, main_call(L, 1, 1))) return false;
  lua_getfield(L, -1, "set_world");
  lua_pushstring(L, world);
  const bool is_known = is_fine(L, main_call(L, 1, 0));
  lua_pop(L, 1);
  return is_known;
}

static bool run_rest(lua_State *L, const struct command_line *c) {
  const struct options *o = &c->options;
  const bool has_script = o->script < c->argc;
  size_t size = 0;
  const char *subcommand = has_script ? find_subcommand(c->argv[o->script], &size) : NULL;
  if (subcommand) return run_subcommand(L, subcommand, size, c->argv[o->script]);
  if (has_script && !run_script(L, c->argv, o->script)) return false;
  if (o->is_interactive) {
    repl_run(L);
    return true;
  }
  if (has_script || o->has_chunks || o->shows_version) return true;
  if (isatty(STDIN_FILENO)) {
    repl_print_version();
    repl_run(L);
    return true;
  }
  run_file(L, NULL); /* what stdin holds may fail: lua5.4 exits with 0 all the same */
  return true;
}

static int main_protected(lua_State *L) {
  struct command_line *c = lua_touserdata(L, 1);
  lua_settop(L, 0);
  if (c->options.shows_version) repl_print_version();
  module_preload(L);
  set_arguments(L, c->argv, c->argc, c->options.script);
  c->is_fine = (c->options.ignores_environment || run_environment(L)) && choose_world(L, c->options.world) &&
               run_options(L, c->argv, c->argc, c->options.script) && run_rest(L, c);
  return 0;
}

/* A descriptor that is closed at the start would be given to the next thing that is opened, and then be
 * printed to. */
static void fill_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd) return;
}

static int run_main_vm(struct command_line *c) {
  struct vm *vm = NULL;
  if (c->options.ignores_environment ? vm_open_without_environment(&vm) : vm_open(&vm)) {
    fprintf(stderr, "%s: cannot create state: not enough memory\n", program_name);
    return EXIT_FAILURE;
  }
  interrupted_vm = vm;
  vm_bind_thread(vm);
  lua_State *L = vm_lua(vm);
  lua_pushcfunction(L, main_protected);
  lua_pushlightuserdata(L, c);
  if (lua_pcall(L, 1, 0, 0)) c->is_fine = is_fine(L, LUA_ERRRUN);
  const bool was_interrupted = vm_should_stop(vm);
  vm_end_stops(vm);
  if (was_interrupted) {
    fflush(stdout);
    fprintf(stderr, "%s: interrupted\n", program_name);
  }
  module_shutdown(L, was_interrupted ? SHUTDOWN_TERMINATE : SHUTDOWN_JOIN);
  vm_close(vm);
  if (was_interrupted) return EXIT_INTERRUPTED;
  return c->is_fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
  fill_standard_descriptors();
  if (argc == 3 && strcmp(argv[1], "--worker") == 0) launch_enter(LAUNCH_WORKER, argv[2]);
  if (argc == 3 && strcmp(argv[1], "--forkserver") == 0) launch_enter(LAUNCH_FORKSERVER, argv[2]);
  struct command_line c = {.argc = argc, .argv = argv, .options = parse(argv, argc)};
  if (c.options.wrong) return refuse(c.options.wrong);
  if (c.options.shows_help) {
    fputs(usage, stdout);
    return EXIT_SUCCESS;
  }
  return run_main_vm(&c);
}
