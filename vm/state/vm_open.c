/* SPDX-License-Identifier: MIT */
#include "state/vm_open.h"

#include <errno.h>

#include "os/environment.h"
#include "state/coroutines.h"
#include "state/hook_permission.h"
#include "state/lua_compat.h"
#include "state/message_handlers.h"
#include "state/originals.h"
#include "state/random.h"
#include "state/stop_point.h"
#include "state/vm_libraries.h"

enum { LIMITED_PAUSE = 120 }; /* the next collection begins at this percentage of the memory in use */

/* (options) */
static int open_libraries(lua_State *L) {
  const struct vm_options *o = lua_touserdata(L, 1);
  if (o->ignores_environment || !environment_is_trusted()) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  const unsigned libraries = o->libraries ? o->libraries : VM_LIB_ALL;
  vm_libraries_open(L, libraries);
  STOP_POINT("vm.has_libraries");
  vm_track_coroutines(L);
  message_handlers_guard(L);
  hook_permission_prepare(L);
  STOP_POINT("vm.is_tracked");
  random_open(L);
  if ((libraries & VM_LIB_ALL) == VM_LIB_ALL)
    originals_begin(L);
  else
    originals_keep(L);
  STOP_POINT("vm.is_whole");
  /* Where a failed allocation starts no collection, collections must come early. */
  if (o->memory_limit && !LUA_HAS_LAST_COLLECTION) lua_gc(L, LUA_GCSETPAUSE, LIMITED_PAUSE);
  return 0;
}

status vm_open(struct vm **out, const struct vm_options *options) NO_THREAD_SAFETY_ANALYSIS {
  struct vm_options o = options ? *options : (struct vm_options){0};
  struct vm *vm = NULL;
  const status st = vm_make(&vm, &o);
  if (st) return st;
  vm_enter(vm);
  if (lua_try(vm->state, open_libraries, &o) || (o.memory_limit && vm_memory_of(vm).used > o.memory_limit)) {
    vm_close(vm);
    return -ENOMEM;
  }
  vm_limit_memory(vm, o.memory_limit);
  *out = vm;
  return STATUS_OK;
}
