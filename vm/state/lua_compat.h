/* SPDX-License-Identifier: MIT */
/* One API for Lua 5.4, for 5.3, and for the 5.1 ABI that PUC 5.1 and LuaJIT share.
 *
 * Other code uses the API of 5.4. This file has what the other versions lack, under the names of
 * 5.4. The 5.1 objects are compiled once, with PUC's headers, and run in
 * both; what only LuaJIT exports is bound weakly and looked up at run time
 * (lua_shares_upvalues, lua_is_jit).
 *
 * The features of a Lua are constants (LUA_HAS_…), for an ordinary `if`. Only this file tests the
 * version of Lua.
 *
 * Numbers: 5.1 has one kind. There lua_isinteger means "a whole number that a double holds
 * exactly", and -0.0 is not one, so that a number sent as an integer returns as the same double.
 */
#ifndef STATE_LUA_COMPAT_H
#define STATE_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/annotations.h"

/* LuaJIT numbers its FFI's objects beyond Lua's own types. */
enum { LUA_TYPE_CDATA = 10 };

enum {
  LUA_HAS_INTEGERS = LUA_VERSION_NUM >= 503,
  /* A coroutine may run a C function. */
  LUA_HAS_C_COROUTINES = LUA_VERSION_NUM >= 502,
  /* So many bytes of a lua_State may be read: no build has a smaller one. */
  LUA_STATE_BYTES = LUA_VERSION_NUM == 503 ? 208 : 128,
  /* An entry of a table with weak keys goes although its value refers to its key. */
  LUA_HAS_EPHEMERONS = LUA_VERSION_NUM >= 503,
  /* Each VM has a state of its own for math.random; of the Luas without one LuaJIT has it, too. */
  LUA_HAS_OWN_RANDOM = LUA_VERSION_NUM >= 504,
  /* The iterator of string.gmatch may begin behind the start. */
  LUA_HAS_GMATCH_START = LUA_VERSION_NUM >= 504,
  /* A failed allocation starts a collection. */
  LUA_HAS_LAST_COLLECTION = LUA_VERSION_NUM >= 504,
  /* Variables can be to be closed, and coroutines with them. */
  LUA_HAS_CLOSE = LUA_VERSION_NUM >= 504,
  /* A script can warn, and warnings can be turned on. */
  LUA_HAS_WARNINGS = LUA_VERSION_NUM >= 504,
  /* VMs that do not pause collect in generations: a step of theirs is a collection. */
  LUA_HAS_GENERATIONS = LUA_VERSION_NUM >= 504,
  /* print calls what the global tostring is */
  LUA_HAS_TOSTRING_OF_PRINT = LUA_VERSION_NUM < 504,
};

#if LUA_VERSION_NUM < 504
#define luaL_argexpected(L, condition, index, type) \
  ((void)((condition) ||                            \
          luaL_argerror(L, index,                   \
                        lua_pushfstring(L, "%s expected, got %s", type, luaL_typename(L, index)))))
static inline lua_State *lua_newbare(lua_Alloc allocate, void *context) {
  return lua_newstate(allocate, context);
}
typedef void (*lua_WarnFunction)(void *context, const char *message, int is_to_continue);
static inline void lua_setwarnf(lua_State *L, lua_WarnFunction warn, void *context) {
  (void)L, (void)warn, (void)context;
}
static inline void lua_turn_warnings_on(lua_State *L) { (void)L; }
#endif

/* Whether a C function may yield and go on (lua_yieldk). For the preprocessor: the types of a
 * continuation are missing elsewhere. */
#define LUA_HAS_CONTINUATIONS (LUA_VERSION_NUM >= 503)

/* C functions without upvalues are no objects: one is equal to itself in each VM. */
#define LUA_HAS_LIGHT_FUNCTIONS (LUA_VERSION_NUM >= 503)

#if LUA_VERSION_NUM >= 503

#define LUA_MAJOR_MINOR LUA_VERSION_MAJOR "." LUA_VERSION_MINOR
/* The variable of the environment that goes before LUA_INIT; NULL: this Lua has none. */
#define LUA_OWN_INIT "LUA_INIT_" LUA_VERSION_MAJOR "_" LUA_VERSION_MINOR
/* How a syntax error ends where the text ends too soon. */
#define LUA_END_MARK "<eof>"
/* Pushes the name of this Lua with its release. [-0, +1] */
static inline void lua_pushrelease(lua_State *L) { lua_pushliteral(L, LUA_RELEASE); }

/* A library that this Lua does not have: no function opens it. */
#define luaopen_bit ((lua_CFunction)NULL)
#define luaopen_jit ((lua_CFunction)NULL)
#define luaopen_ffi ((lua_CFunction)NULL)

#if LUA_VERSION_NUM >= 504
static inline void lua_turn_warnings_on(lua_State *L) { lua_warning(L, "@on", 0); }
/* No collection of the whole heap at once. */
static inline void lua_collect_in_steps(lua_State *L) { lua_gc(L, LUA_GCINC, 0, 0, 0); }
/* A table that belongs to a userdata. Pops and pushes it. */
static inline void lua_setcompanion(lua_State *L, int index) { lua_setiuservalue(L, index, 1); }
static inline void lua_getcompanion(lua_State *L, int index) { lua_getiuservalue(L, index, 1); }
/* *results is the number of values on top of `co` after a yield or a return. */
static inline int lua_resume_from(lua_State *co, lua_State *from, int arguments, int *results) {
  return lua_resume(co, from, arguments, results);
}
/* A state made by lua_newstate. All calls into it are protected, so no panic function is needed. Collection is
 * generational, as in the stand-alone interpreter. The change of mode is a full collection, cheap in an empty state. */
static inline lua_State *lua_newbare(lua_Alloc allocate, void *context) {
  lua_State *L = lua_newstate(allocate, context);
  if (L) lua_gc(L, LUA_GCGEN, 0, 0);
  return L;
}
#else
static inline void lua_collect_in_steps(lua_State *L) { (void)L; } /* always */
static inline void lua_setcompanion(lua_State *L, int index) { lua_setuservalue(L, index); }
static inline void lua_getcompanion(lua_State *L, int index) { lua_getuservalue(L, index); }
static inline int lua_resume_from(lua_State *co, lua_State *from, int arguments, int *results) {
  const int state = lua_resume(co, from, arguments);
  *results = lua_gettop(co);
  return state;
}
/* Nothing of 5.3 has to be closed. */
static inline int lua_resetthread(lua_State *co) { return (void)co, LUA_OK; }
#endif
/* Elements and lengths of lists, as the functions of `table` see them: with metamethods. */
static inline void lua_getelement(lua_State *L, int index, lua_Integer i) { lua_geti(L, index, i); }
static inline void lua_setelement(lua_State *L, int index, lua_Integer i) { lua_seti(L, index, i); }
static inline lua_Integer lua_listlength(lua_State *L, int index) { return luaL_len(L, index); }
static inline bool lua_isless(lua_State *L, int a, int b) { return lua_compare(L, a, b, LUA_OPLT); }
/* Has the collector work as if the VM had allocated so many bytes, unless the script has stopped it.
 * [-0, +0, runs finalizers] */
static inline void lua_gc_as_if_allocated(lua_State *L, uint64_t bytes) {
  if (!lua_gc(L, LUA_GCISRUNNING, 0)) return;
#if LUA_VERSION_NUM >= 505
  lua_gc(L, LUA_GCSTEP, (size_t)bytes);
#else
  const uint64_t kib = bytes / 1024 + 1;
  lua_gc(L, LUA_GCSTEP, kib < INT32_MAX ? (int)kib : INT32_MAX);
#endif
}
/* Lua text, never bytecode. */
static inline int lua_load_text(lua_State *L, lua_Reader reader, void *data, const char *name) {
  return lua_load(L, reader, data, name, "t");
}
/* Pushes a whole number, as an integer if this Lua has integers. [-0, +1] */
static inline void lua_pushwhole(lua_State *L, int64_t value) { lua_pushinteger(L, value); }
/* lua_load and lua_dump for bytecode alone. */
static inline int lua_load_code(lua_State *L, lua_Reader reader, void *data, const char *name) {
  return lua_load(L, reader, data, name, "b");
}
static inline int lua_dump_code(lua_State *L, lua_Writer writer, void *data) {
  return lua_dump(L, writer, data, 0);
}
/* Without what only debuggers use, as far as this Lua lets. */
static inline int lua_dump_bare_code(lua_State *L, lua_Writer writer, void *data) {
  return lua_dump(L, writer, data, 1);
}
/* Pushes the environment of a function, or pops it into the function. False, and nothing happens:
 * functions have none but what their upvalues hold. */
static inline bool lua_pushenvironment(lua_State *L, int index) {
  (void)L, (void)index;
  return false;
}
static inline bool lua_setenvironment(lua_State *L, int index) {
  (void)L, (void)index;
  return false;
}
/* The main state of L's VM. On 5.1, which does not report it, L itself: it is used for hooks
 * alone. */
static inline lua_State *lua_mainstate(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *state = lua_tothread(L, -1);
  lua_pop(L, 1);
  return state;
}
static inline bool lua_tells_mainstate(void) { return true; }
/* Whether lua_isyieldable exists. */
static inline bool lua_tells_yieldable(void) { return true; }
/* Whether a coroutine has ended, for a lua_resume that does not check it. */
static inline bool lua_is_spent(lua_State *co) {
  (void)co;
  return false;
}
static inline void lua_trace(lua_State *L, lua_State *of, const char *message, int level) {
  luaL_traceback(L, of, message, level);
}
/* What lua_getinfo gives for a line of a traceback. */
#define LUA_INFO_OF_LINE "Slnt"
static inline bool lua_is_tail_call(const lua_Debug *frame) { return frame->istailcall; }
/* A file of the library io: its FILE, NULL once it is closed; and the function that closes it. */
static inline size_t lua_file_size(void) { return sizeof(luaL_Stream); }
static inline FILE *lua_file_get(const void *file) {
  const luaL_Stream *s = file;
  return s->closef ? s->f : NULL;
}
static inline void lua_file_set(void *file, FILE *f, lua_CFunction close) {
  *(luaL_Stream *)file = (luaL_Stream){f, f ? close : NULL};
}
static inline bool lua_file_is_closed_by(lua_State *L, int index, lua_CFunction close) {
  const luaL_Stream *s = lua_touserdata(L, index);
  return s->closef == close;
}
static inline void lua_file_own(lua_State *L, int index, lua_CFunction close) {
  (void)L, (void)index, (void)close;
}
/* Whether the formats of `read` need no asterisk, and `lines` takes them. */
static inline bool lua_reads_bare_formats(void) { return true; }
/* Whether io.open checks its mode, and io.lines raises as luaL_error does. */
static inline bool lua_checks_modes(void) { return true; }
/* Whether os.rename names the file in its error. */
static inline bool lua_names_renamed(void) { return false; }
/* Whether the default files of io stand elsewhere than in the registry. */
static inline bool lua_keeps_default_files(void) { return false; }
#define LUA_DEFAULT_FILE (LUA_VERSION_NUM >= 504 ? "default" : "standard")
/* A number as `write` writes it. The length. [-0, +0, memory] */
static inline int lua_write_number(lua_State *L, int index, char *text, size_t size) {
  return lua_isinteger(L, index) ? snprintf(text, size, LUA_INTEGER_FMT, lua_tointeger(L, index))
                                 : snprintf(text, size, LUA_NUMBER_FMT, lua_tonumber(L, index));
}
/* False, and nothing pushed: the text is no number. [-0, +1|0, memory] */
static inline bool lua_push_numeral(lua_State *L, const char *text) {
  return lua_stringtonumber(L, text) != 0;
}
static inline bool lua_shares_upvalues(void) { return true; }
static inline bool lua_is_jit(void) { return false; }
static inline const char *lua_resume_refusal(lua_State *L, lua_State *co) { return (void)L, (void)co, NULL; }
static inline void lua_become_current(lua_State *L) { (void)L; }
static inline void lua_turn_jit_off(lua_State *L) { (void)L; }
static inline void lua_watch_compiled(lua_State *L, void (*look)(void *, lua_State *, int, int),
                                      void *context) {
  (void)L, (void)look, (void)context;
}
static inline void lua_unwatch_compiled(lua_State *L) { (void)L; }

#else

#define LUA_MAJOR_MINOR "5.1"
#define LUA_OWN_INIT    ((const char *)NULL)
#define LUA_END_MARK    "'<eof>'"

/* LuaJIT's own headers, with which this compiles as well, have some of what is defined below: here it has names of its own. */
#ifndef LUA_OK
enum { LUA_OK = 0 };
#endif
#define luaL_setfuncs     lua_set_functions
#define luaL_testudata    lua_test_userdata

/* Those that LuaJIT alone has; and those of later versions, of which coroutine comes with base. */
extern int luaopen_bit(lua_State *L) __attribute__((weak));
extern int luaopen_jit(lua_State *L) __attribute__((weak));
extern int luaopen_ffi(lua_State *L) __attribute__((weak));
#define luaopen_coroutine ((lua_CFunction)NULL)
#define luaopen_utf8      ((lua_CFunction)NULL)
#define LUA_UTF8LIBNAME   "utf8"

static inline void lua_setcompanion(lua_State *L, int index) { lua_setfenv(L, index); }
static inline void lua_getcompanion(lua_State *L, int index) { lua_getfenv(L, index); }

extern void *lua_upvalueid(lua_State *L, int index, int n) __attribute__((weak));
extern void lua_upvaluejoin(lua_State *L, int index, int n, int other, int m) __attribute__((weak));
extern int lua_isyieldable(lua_State *L) __attribute__((weak));
extern int luaJIT_setmode(lua_State *L, int index, int mode) __attribute__((weak));
typedef void (*lua_profile_callback)(void *context, lua_State *L, int samples, int state);
extern void luaJIT_profile_start(lua_State *L, const char *mode, lua_profile_callback callback, void *context)
    __attribute__((weak));
extern void luaJIT_profile_stop(lua_State *L) __attribute__((weak));

/* PUC 5.1 can neither tell which closures share an upvalue nor make them share one. */
static inline bool lua_shares_upvalues(void) { return lua_upvalueid && lua_upvaluejoin; }
static inline bool lua_is_jit(void) { return luaJIT_setmode != 0; }
static inline void lua_pushrelease(lua_State *L) {
  const int place = lua_gettop(L) + 1;
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, place, "jit");
  if (lua_istable(L, -1)) lua_getfield(L, -1, "version");
  if (!lua_isstring(L, -1)) lua_pushliteral(L, LUA_RELEASE);
  lua_replace(L, place);
  lua_settop(L, place);
}
static inline int lua_do_nothing(lua_State *L) {
  (void)L;
  return 0;
}
/* For a thread that goes on with `L` after other threads have used the state. LuaJIT keeps the running
 * coroutine in the global state, sets it at each call and resume, and needs it where a compiled trace
 * ends: with that of another thread it crashes there (2.1.0-beta3, 2026). [-0, +0, does not raise] */
static inline void lua_become_current(lua_State *L) {
  if (lua_is_jit() && lua_cpcall(L, lua_do_nothing, NULL)) lua_pop(L, 1);
}
/* Nothing of 5.1 has to be closed. */
static inline int lua_resetthread(lua_State *co) { return (void)co, LUA_OK; }
/* The functions of `table` read tables as they are. */
static inline void lua_getelement(lua_State *L, int index, lua_Integer i) { lua_rawgeti(L, index, (int)i); }
static inline void lua_setelement(lua_State *L, int index, lua_Integer i) { lua_rawseti(L, index, (int)i); }
static inline lua_Integer lua_listlength(lua_State *L, int index) {
  return (lua_Integer)lua_objlen(L, index);
}
static inline bool lua_isless(lua_State *L, int a, int b) { return lua_lessthan(L, a, b); }
/* 5.1 does not say whether the script has stopped the collector, which a step would start again. */
static inline void lua_gc_as_if_allocated(lua_State *L, uint64_t bytes) { (void)L, (void)bytes; }
/* The caller has checked that it is no bytecode. */
static inline int lua_load_text(lua_State *L, lua_Reader reader, void *data, const char *name) {
  return lua_load(L, reader, data, name);
}
static inline void lua_collect_in_steps(lua_State *L) { (void)L; } /* always */
/* 5.1's lua_resume takes no `from`. */
static inline int lua_resume_from(lua_State *co, lua_State *from, int arguments, int *results) {
  (void)from;
  const int state = lua_resume(co, arguments);
  *results = state == LUA_OK || state == LUA_YIELD ? lua_gettop(co) : 1;
  return state;
}
static inline void lua_pushwhole(lua_State *L, int64_t value) { lua_pushnumber(L, (lua_Number)value); }
static inline int lua_load_code(lua_State *L, lua_Reader reader, void *data, const char *name) {
  return lua_load(L, reader, data, name);
}
static inline int lua_dump_code(lua_State *L, lua_Writer writer, void *data) {
  return lua_dump(L, writer, data);
}
static inline int lua_dump_bare_code(lua_State *L, lua_Writer writer, void *data) {
  return lua_dump(L, writer, data);
}
static inline bool lua_pushenvironment(lua_State *L, int index) {
  lua_getfenv(L, index);
  return true;
}
static inline bool lua_setenvironment(lua_State *L, int index) { return lua_setfenv(L, index) != 0; }
static inline lua_State *lua_mainstate(lua_State *L) { return L; }
static inline bool lua_tells_mainstate(void) { return false; }
static inline bool lua_tells_yieldable(void) { return lua_isyieldable != 0; }
/* A file of the library io, whose environment has the function that closes it. */
static inline size_t lua_file_size(void) { return sizeof(FILE *); }
static inline FILE *lua_file_get(const void *file) { return *(FILE *const *)file; }
static inline void lua_file_set(void *file, FILE *f, lua_CFunction close) {
  (void)close;
  *(FILE **)file = f;
}
static inline bool lua_file_is_closed_by(lua_State *L, int index, lua_CFunction close) {
  lua_getfenv(L, index);
  bool is_so = false;
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "__close");
    lua_rawget(L, -2);
    is_so = lua_tocfunction(L, -1) == close;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return is_so;
}
static inline bool lua_reads_bare_formats(void) { return lua_is_jit(); }
static inline bool lua_checks_modes(void) { return false; }
static inline bool lua_names_renamed(void) { return true; }
static inline bool lua_keeps_default_files(void) { return true; }
#define LUA_DEFAULT_FILE  "standard"
static inline int lua_write_number(lua_State *L, int index, char *text, size_t size) {
  lua_pushvalue(L, index);
  const int length = snprintf(text, size, "%s", lua_tostring(L, -1));
  lua_pop(L, 1);
  return length;
}
static inline bool lua_push_numeral(lua_State *L, const char *text) {
  lua_pushstring(L, text);
  const bool is_number = lua_isnumber(L, -1);
  if (is_number) lua_pushnumber(L, lua_tonumber(L, -1));
  lua_remove(L, is_number ? -2 : -1);
  return is_number;
}
static inline void lua_file_own(lua_State *L, int index, lua_CFunction close) {
  index = index < 0 ? lua_gettop(L) + index + 1 : index;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_setfenv(L, index);
}
/* Why a coroutine that is not suspended cannot be resumed, for a lua_resume that would change it; NULL: it can be asked. */
static inline const char *lua_resume_refusal(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (co == L) return "cannot resume running coroutine";
  return lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar) ? "cannot resume normal coroutine" : NULL;
}
/* 5.1's lua_resume would take its first argument for its function. */
static inline bool lua_is_spent(lua_State *co) { return lua_status(co) != LUA_YIELD && lua_gettop(co) == 0; }
static inline void lua_turn_jit_off(lua_State *L) {
  enum { MODE_ENGINE = 0, MODE_OFF = 0 }; /* luajit.h, which PUC's headers do not have */
  luaJIT_setmode(L, 0, MODE_ENGINE | MODE_OFF);
}

/* Has LuaJIT call `look` at safe points a hundred times in each second that the process computes, in compiled
 * loops as well: what is compiled until then is compiled anew, with checks. LuaJIT does so for one VM of a
 * process, the first one that asks. */
static inline void lua_watch_compiled(lua_State *L, lua_profile_callback look, void *context) {
  if (!luaJIT_profile_start) return;
  luaJIT_profile_stop(L); /* in a forked child it seems to be on */
  luaJIT_profile_start(L, "li10", look, context);
}
static inline void lua_unwatch_compiled(lua_State *L) {
  if (luaJIT_profile_stop) luaJIT_profile_stop(L);
}

static inline int lua_absindex(lua_State *L, int index) {
  return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

/* Opens a library of Lua as a global and a loaded module. [-0, +1] */
static inline void luaL_requiref(lua_State *L, const char *name, lua_CFunction open, int is_global) {
  (void)is_global; /* the libraries of 5.1 do both by themselves */
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

static inline size_t lua_rawlen(lua_State *L, int index) { return lua_objlen(L, index); }

/* Tables have no __len. */
static inline void lua_len(lua_State *L, int index) { lua_pushnumber(L, (lua_Number)lua_objlen(L, index)); }

static inline void lua_pushglobaltable(lua_State *L) { lua_pushvalue(L, LUA_GLOBALSINDEX); }

static inline int lua_rawgetp(lua_State *L, int index, const void *key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, (void *)(uintptr_t)key);
  lua_rawget(L, index);
  return lua_type(L, -1);
}

static inline void lua_rawsetp(lua_State *L, int index, const void *key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, (void *)(uintptr_t)key);
  lua_insert(L, -2);
  lua_rawset(L, index);
}

static inline bool lua_isinteger(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TNUMBER) return false;
  const double number = lua_tonumber(L, index);
  return fabs(number) <= 9007199254740992.0 && floor(number) == number && !(number == 0 && signbit(number));
}

static inline void luaL_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues) {
  luaL_checkstack(L, upvalues, "too many upvalues");
  for (; functions->name; functions++) {
    for (int i = 0; i < upvalues; i++) lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, functions->func, upvalues);
    lua_setfield(L, -(upvalues + 2), functions->name);
  }
  lua_pop(L, upvalues);
}

#define LUA_INFO_OF_LINE "Sln"
static inline bool lua_is_tail_call(const lua_Debug *frame) {
  (void)frame; /* a tail call is a frame of its own */
  return false;
}

static inline void *luaL_testudata(lua_State *L, int index, const char *name) {
  void *data = lua_touserdata(L, index);
  if (!data || !lua_getmetatable(L, index)) return NULL;
  luaL_getmetatable(L, name);
  const bool is_same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is_same ? data : NULL;
}

static inline const char *luaL_tolstring(lua_State *L, int index, size_t *size) {
  index = lua_absindex(L, index);
  if (!luaL_callmeta(L, index, "__tostring")) {
    switch (lua_type(L, index)) {
      case LUA_TNUMBER:
      case LUA_TSTRING: lua_pushvalue(L, index); break;
      case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false"); break;
      case LUA_TNIL: lua_pushliteral(L, "nil"); break;
      default: lua_pushfstring(L, "%s: %p", luaL_typename(L, index), lua_topointer(L, index)); break;
    }
  } else if (!lua_isstring(L, -1)) {
    luaL_error(L, "'__tostring' must return a string");
  }
  return lua_tolstring(L, -1, size);
}

extern void luaL_traceback(lua_State *L, lua_State *of, const char *message, int level) __attribute__((weak));

/* luaL_traceback. PUC 5.1 has it in Lua only: the result of debug.traceback, else the message
 * alone. */
static inline void lua_trace(lua_State *L, lua_State *of, const char *message, int level) {
  if (luaL_traceback) {
    luaL_traceback(L, of, message, level);
    return;
  }
  const int base = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, -1, LUA_DBLIBNAME);
  if (lua_istable(L, -1)) lua_getfield(L, -1, "traceback");
  if (lua_isfunction(L, -1)) {
    lua_pushthread(of);
    lua_xmove(of, L, 1);
    lua_pushstring(L, message ? message : "");
    lua_pushinteger(L, L == of ? level + 1 : level);
    lua_call(L, 3, 1);
    const char *text = lua_tostring(L, -1);
    if (!message && text && *text == '\n') lua_pushstring(L, text + 1); /* no message: no empty line for it */
  } else {
    lua_pushstring(L, message ? message : "");
  }
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
}

#endif

/* Calls f with one argument, protected: LUA_OK, or Lua's code with the error pushed. Also pushing f
 * is protected, because that allocates on 5.1. [-0, +0|1, never raises] */
static inline int lua_try(lua_State *L, lua_CFunction f, void *argument) {
#if LUA_VERSION_NUM >= 502
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, argument);
  return lua_pcall(L, 1, 0, 0);
#else
  return lua_cpcall(L, f, argument);
#endif
}

/* Pushes the list of the searchers of `require`, or nil. [-0, +1] */
static inline void lua_pushsearchers(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "searchers");
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_getfield(L, -1, "loaders"); /* 5.1 */
    }
    lua_remove(L, -2);
  }
  lua_remove(L, -2);
}

/* If a string of compiled code begins at offset `at` > 0, its size, which the bytes before it say; of strings
 * of more than 100 bytes any number. Where none begins it is any number, too. [-0, +0] */
static inline size_t lua_code_string_size(const char *code, size_t at) {
  const unsigned before = (unsigned char)code[at - 1];
#if LUA_VERSION_NUM >= 505
  return before > 0 && before < 0x80 ? before - 1 : 0;
#elif LUA_VERSION_NUM == 504
  return before > 0x80 ? (before & 0x7f) - 1 : 0;
#elif LUA_VERSION_NUM == 503
  return before > 0 && before < 0xff ? before - 1 : 0;
#else
  size_t size = 0;
  enum { JIT_STRING = 5 }; /* LuaJIT adds it to the size of a string */
  if (lua_is_jit()) return before > JIT_STRING && before < 0x80 ? before - JIT_STRING : 0;
  if (at < sizeof size) return 0;
  memcpy(&size, code + at - sizeof size, sizeof size);
  return size > 0 ? size - 1 : 0;
#endif
}

/* The one key of package.loaded in the registry has had the same name since 5.1. */
static inline void lua_pushloaded(lua_State *L) { lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED"); }

#endif
