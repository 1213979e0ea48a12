/* SPDX-License-Identifier: MIT */
/* The program of a worker process, by kind of host:
 *
 *   manymoons                      the same program, with an option on its command line
 *   a stand-alone lua or luajit    the same program, with a line of Lua that loads this module and
 *                                  enters the worker
 *   any other host                 the helper (helper/helper.c), because the host cannot be started
 *                                  a second time: it opens the host's Lua library and this module
 *
 * If Lua is part of the host's program, the helper opens the library of the same version of the
 * distribution.
 *
 * The fork server has no Lua state. Its children make their own, as spawned processes do.
 */
#include "state/launch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/embed.h"
#include "os/process.h"
#include "os/program.h"
#include "process/child.h"
#include "state/lua_compat.h"

#ifndef HELPER_FILE
#define HELPER_FILE "build/release/helper" /* for checks that do not build; the Makefile defines it */
#endif
EMBED_FILE(helper, HELPER_FILE)

#define LUA_LIBRARY "liblua" LUA_MAJOR_MINOR ".so.0"

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* A fact in the program, and not its name: a copy may be called anything, and so may another host. */
static bool is_own_program(void) { return program_exports("manymoons_program"); }

/* Accepts lua, lua5.4 and luajit-2.1.0-beta3, but not luatex. */
static bool is_standalone_lua(const char *program) {
  const char *name = base_name(program);
  if (strncmp(name, "lua", 3) != 0) return false;
  name += strncmp(name, "luajit", 6) == 0 ? 6 : 3;
  return name[strspn(name, "-.0123456789beta")] == '\0';
}

bool launch_may_fork(void) {
  char program[LAUNCH_PATH];
  if (is_own_program() || process_executable(program, sizeof program)) return true;
  return is_standalone_lua(program);
}

static const char *entry_name(enum launch_kind kind) {
  return kind == LAUNCH_WORKER ? "luaopen_manymoons_worker" : "luaopen_manymoons_forkserver";
}

static status find_module(struct launch *out) {
  return program_file_of((const void *)(uintptr_t)&launch_prepare, out->module, sizeof out->module);
}

static status prepare_standalone(struct launch *out, enum launch_kind kind) {
  const status st = find_module(out);
  if (st) return st;
  out->argv[1] = "-e";
  out->argv[2] = out->script;
  out->argv[3] = NULL;
  const int size = snprintf(out->script, sizeof out->script,
                            "assert(package.loadlib([==[%s]==],'%s'))('" CHILD_OPTIONS "')", out->module,
                            entry_name(kind));
  return size < 0 || (size_t)size >= sizeof out->script ? -ENAMETOOLONG : STATUS_OK;
}

/* Stores the path of the Lua library, or its name for the dynamic loader. */
static status find_lua(struct launch *out) {
  char program[LAUNCH_PATH];
  memcpy(program, out->program, sizeof program);
  const status st = program_file_of((const void *)(uintptr_t)&lua_newstate, out->script, LAUNCH_PATH);
  if (st == STATUS_OK && strcmp(out->script, program) != 0 && strcmp(out->script, out->module) != 0)
    return STATUS_OK;
  snprintf(out->script, LAUNCH_PATH, "%s", lua_is_jit() ? "libluajit-5.1.so.2" : LUA_LIBRARY);
  return program_find_library(out->script) == STATUS_OK ? STATUS_OK : -ENOSYS;
}

static status open_helper(struct launch *out, const char *name) {
  const size_t size = (size_t)(embedded_helper_end - embedded_helper_start);
  const status st = program_open(&out->helper, embedded_helper_start, size, name);
  if (st == STATUS_OK) program_path(out->helper, out->program, sizeof out->program);
  return st;
}

static status prepare_helper(struct launch *out, enum launch_kind kind) {
  status st = find_module(out);
  if (st == STATUS_OK && strcmp(out->module, out->program) == 0) st = -ENOSYS;
  if (st == STATUS_OK) st = find_lua(out);
  if (st == STATUS_OK) st = open_helper(out, "manymoons-worker");
  if (st) return st;
  const char *const argv[LAUNCH_ARGUMENTS] = {out->program, out->script, out->module, entry_name(kind),
                                              CHILD_OPTIONS};
  memcpy(out->argv, argv, sizeof argv);
  return STATUS_OK;
}

status launch_prepare(struct launch *out, enum launch_kind kind) {
  out->helper = -1;
  if (process_executable(out->program, sizeof out->program)) return -EOPNOTSUPP;
  const bool is_own = is_own_program();
  const bool is_lua = !is_own && is_standalone_lua(out->program);
  /* The file may have been replaced or removed since: the running one is meant. */
  if (!process_is_executable_at(out->program))
    snprintf(out->program, sizeof out->program, "%s", process_own_path());
  out->argv[0] = out->program;
  if (is_lua) return prepare_standalone(out, kind);
  if (!is_own) return prepare_helper(out, kind);
  out->argv[1] = kind == LAUNCH_WORKER ? "--worker" : "--forkserver";
  out->argv[2] = CHILD_OPTIONS;
  out->argv[3] = NULL;
  return STATUS_OK;
}

status launch_prepare_tracker(struct launch *out, int channel, int32_t program) {
  enum { NUMBER = 16 };
  out->helper = -1;
  const status st = open_helper(out, "manymoons-tracker");
  if (st) return st;
  char *numbers = out->script;
  snprintf(numbers, NUMBER, "%d", channel);
  snprintf(numbers + NUMBER, NUMBER, "%d", (int)process_pid());
  snprintf(numbers + 2 * NUMBER, NUMBER, "%d", (int)program);
  const char *const argv[LAUNCH_ARGUMENTS] = {out->program,     "--tracker",          numbers,
                                              numbers + NUMBER, numbers + 2 * NUMBER, NULL};
  memcpy(out->argv, argv, sizeof argv);
  return STATUS_OK;
}

void launch_end(struct launch *l) {
  if (l->helper >= 0) program_close(l->helper);
  l->helper = -1;
}
