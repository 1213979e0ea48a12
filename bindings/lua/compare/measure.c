/* SPDX-License-Identifier: MIT */
/* The measurement is in a userdata, so that an error or a stop ends the run, at the latest when the
 * userdata is collected. The table of arguments keeps the strings that the options point to; a
 * table on the stack keeps those made here; the lists of pointers are userdata.
 */
#include "compare/measure.h"

#include "core/arguments.h"
#include "core/waiting.h"
#include "os/measure.h"

static const double seconds_per_ns = 1e-9;

static int measurement_gc(lua_State *L) {
  measure_end(lua_touserdata(L, 1));
  return 0;
}

/* A measurement that has not begun, and may be ended all the same. [-0, +1, raises] */
static struct measurement *measurement_new(lua_State *L) {
  struct measurement *m = lua_newuserdata(L, sizeof *m);
  measure_init(m);
  if (luaL_newmetatable(L, "manymoons.measurement")) {
    lua_pushcfunction(L, measurement_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return m;
}

/* The list of strings at `index` as a C array, ended by NULL. It is valid as long as the list
 * and the userdata that this function pushes. [-0, +1, raises] */
static const char **strings_of(lua_State *L, int index, const char *what) {
  const size_t count = lua_rawlen(L, index);
  const char **list = lua_newuserdata(L, (count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "measure_run: %s: a list of strings expected", what);
    list[i] = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  list[count] = NULL;
  return list;
}

/* The option argv. [-0, +2, raises] */
static const char **read_arguments(lua_State *L) {
  lua_getfield(L, 1, "argv");
  if (!lua_istable(L, -1) || lua_rawlen(L, -1) == 0)
    luaL_error(L, "measure_run: argv: a list of strings expected");
  return strings_of(L, lua_gettop(L), "argv");
}

/* The option env, as strings "NAME=value". [-0, +2, raises] */
static const char **read_settings(lua_State *L) {
  lua_newtable(L);
  const int settings = lua_gettop(L);
  lua_getfield(L, 1, "env");
  if (lua_istable(L, -1)) {
    lua_pushnil(L);
    for (int count = 1; lua_next(L, settings + 1); count++) {
      if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
        luaL_error(L, "measure_run: env: strings by name expected");
      lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
      lua_rawseti(L, settings, count);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
  return strings_of(L, settings, "env");
}

/* The option notes; NULL: none. [-0, +2, raises] */
static const char **read_notes(lua_State *L) {
  lua_getfield(L, 1, "notes");
  if (lua_istable(L, -1)) return strings_of(L, lua_gettop(L), "notes");
  lua_pushnil(L);
  return NULL;
}

static bool has_option(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  const bool is_set = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_set;
}

static deadline read_deadline(lua_State *L) {
  lua_getfield(L, 1, "timeout");
  const deadline until = argument_timeout(L, -1);
  lua_pop(L, 1);
  return until;
}

/* Waits for the end of the run. */
static status attempt_end(void *context, deadline until) { return measure_wait(context, until); }

static void set_text(lua_State *L, const char *name, const struct bytes *text) {
  lua_pushlstring(L, text->len ? (const char *)text->data : "", text->len);
  lua_setfield(L, -2, name);
}

static void set_count(lua_State *L, const char *name, uint64_t value) {
  lua_pushnumber(L, (lua_Number)value);
  lua_setfield(L, -2, name);
}

static void set_seconds(lua_State *L, const char *name, int64_t ns) {
  lua_pushnumber(L, (lua_Number)ns * seconds_per_ns);
  lua_setfield(L, -2, name);
}

/* [-0, +1, raises] */
static void push_thread(lua_State *L, const struct run_thread *thread) {
  lua_createtable(L, 0, 4);
  set_count(L, "pid", (uint64_t)thread->process);
  set_count(L, "tid", (uint64_t)thread->thread);
  set_seconds(L, "ran", thread->ran_ns);
  set_seconds(L, "ready", thread->ready_ns);
}

/* [-0, +1, raises] */
static void push_threads(lua_State *L, const struct run_threads *threads) {
  lua_createtable(L, (int)threads->count, 0);
  for (size_t i = 0; i < threads->count; i++) {
    push_thread(L, &threads->list[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

static void set_surroundings(lua_State *L, const struct measure_surroundings *met) {
  set_count(L, "processors", (uint64_t)met->processors);
  set_seconds(L, "others", met->others_ns);
  set_seconds(L, "stolen", met->stolen_ns);
  set_seconds(L, "throttled", met->throttled_ns);
  set_count(L, "faults", met->faults);
  set_count(L, "major_faults", met->major_faults);
  set_count(L, "switches", met->switches);
  set_count(L, "forced_switches", met->forced_switches);
}

/* [-0, +1, raises] */
static void push_notes(lua_State *L, const struct measure_report *report, const char *const *names) {
  lua_newtable(L);
  for (size_t i = 0; names && names[i]; i++) set_text(L, names[i], &report->notes[i]);
}

/* [-0, +1, raises] */
static void push_report(lua_State *L, const struct measurement *m, const char *const *notes) {
  const struct measure_report *report = &m->report;
  lua_newtable(L);
  set_seconds(L, "wall", report->wall_ns);
  set_seconds(L, "cpu", report->cpu_ns);
  set_count(L, "peak", report->peak_bytes);
  set_surroundings(L, &report->met);
  if (m->threads.is_known) {
    set_seconds(L, "lost", m->threads.lost_ns);
    push_threads(L, &m->threads);
    lua_setfield(L, -2, "threads");
  }
  lua_pushinteger(L, report->exit_code);
  lua_setfield(L, -2, "exitcode");
  set_text(L, "output", &report->output);
  push_notes(L, report, notes);
  lua_setfield(L, -2, "notes");
}

int measure_run(lua_State *L) REQUIRES(rank_vm) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct measure_options options = {.arguments = read_arguments(L)};
  options.settings = read_settings(L);
  options.notes = read_notes(L);
  lua_getfield(L, 1, "program");
  options.program = luaL_optstring(L, -1, options.arguments[0]);
  options.unit = has_option(L, "takes_turns") ? RUN_UNIT_PROCESS : RUN_UNIT_THREAD;
  options.binds_threads = has_option(L, "pin");
  const deadline until = read_deadline(L);
  struct measurement *m = measurement_new(L);
  status st = measure_start(m, &options);
  if (st) return return_failure(L, st);
  st = wait_for(L, TRACE_CALL_MEASURE, attempt_end, m, until);
  if (st == STATUS_OK) push_report(L, m, options.notes);
  measure_end(m);
  raise_if_stopped(L, st);
  return st ? return_failure(L, st) : 1;
}
