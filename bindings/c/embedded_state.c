/* SPDX-License-Identifier: MIT */
#include "c/embedded_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "c/frames.h"
#include "c/run_request.h"
#include "state/counted.h"
#include "state/library.h"
#include "state/lua_compat.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"
#include "state/vm_libraries.h"
#include "state/vm_open.h"
#include "state/vm_print.h"
#include "state/yieldable.h"

static const char owner_key; /* its address is a key of the registry */

static void open_package(lua_State *L, const struct embedded_vm_options *options) {
  options->library->preload(L);
  lua_getglobal(L, "package");
  if (options->path) {
    lua_pushstring(L, options->path);
    lua_setfield(L, -2, "path");
  }
  if (options->cpath) {
    lua_pushstring(L, options->cpath);
    lua_setfield(L, -2, "cpath");
  }
  lua_pop(L, 1);
  modules_install(L, &options->modules);
}

static int refuse_exit(lua_State *L) { return luaL_error(L, "os.exit is disabled in embedded VMs"); }

static void replace_exit(lua_State *L) {
  lua_getglobal(L, "os");
  lua_pushcfunction(L, refuse_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

/* print. Upvalue: a copy of the struct embedded_vm_options. */
static int print_to_owner(lua_State *L) {
  const struct embedded_vm_options *options = lua_touserdata(L, lua_upvalueindex(1));
  vm_print_push_line(L);
  options->print(options->owner, lua_tostring(L, -1));
  return 0;
}

static int open_protected(lua_State *L) {
  const struct embedded_vm_options *options = lua_touserdata(L, 1);
  options->library->open_handles(L);
  transfer_open(L);
  run_request_prepare(L);
  if (options->counts_steps) counted_install(L);
  yieldable_prepare(L);
  if (options->vm.libraries & VM_LIB_PACKAGE)
    open_package(L, options);
  else if (options->has_require)
    modules_install_require(L, &options->modules);
  frames_install(L);
  if (options->vm.libraries & VM_LIB_OS) replace_exit(L);
  lua_pushlightuserdata(L, options->owner);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &owner_key);
  if (!options->print) return 0;
  struct embedded_vm_options *kept = lua_newuserdata(L, sizeof *kept);
  *kept = *options;
  lua_pushcclosure(L, print_to_owner, 1);
  lua_setglobal(L, "print");
  return 0;
}

status embedded_state_open(struct vm **out, const struct embedded_vm_options *options,
                           char error[EMBEDDED_STATE_ERROR_MAX]) {
  struct vm *vm = NULL;
  const status st = vm_open(&vm, &options->vm);
  if (st) return st;
  lua_State *L = vm_lua(vm);
  vm->notes_stops = true;
  const int failed = lua_try(L, open_protected, (void *)(uintptr_t)options);
  if (failed) {
    snprintf(error, EMBEDDED_STATE_ERROR_MAX, "%s", lua_tostring(L, -1) ? lua_tostring(L, -1) : "");
    vm_close(vm);
    return failed == LUA_ERRMEM || strstr(error, "memory") ? -ENOMEM : -EINVAL;
  }
  *out = vm;
  return STATUS_OK;
}

void embedded_state_close(struct vm *vm) {
  vm_end_stops(vm);
  vm_limit_memory(vm, 0);
  vm->library->end_workers(vm_lua(vm), SHUTDOWN_TERMINATE);
  vm_close(vm);
}

void *embedded_state_owner(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &owner_key);
  void *owner = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return owner;
}
