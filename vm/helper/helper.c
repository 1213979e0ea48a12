/* SPDX-License-Identifier: MIT */
/* The program of worker processes whose host cannot be started again as a worker: a game, an
 * editor. It contains no Lua, but opens the Lua library that the host uses.
 *
 *     helper LIBLUA MODULE ENTRY OPTIONS
 *
 * Or it is the tracker of named memory (tracker.h), for every host.
 *
 * It is part of the module file and runs from memory (state/launch.c), so no further file is
 * installed or searched for. LIBLUA is opened with RTLD_GLOBAL, because the distributions' C
 * modules do not link Lua.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "helper/tracker.h"

struct lua_State;

static int fail(const char *what) {
  fprintf(stderr, "manymoons: a worker cannot start: %s\n", what);
  return 1;
}

/* ISO C has no conversion from a data pointer to a function pointer; POSIX guarantees the same
 * bits. */
static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  memcpy(function, &address, sizeof address);
}

int main(int argc, char **argv) {
  struct lua_State *(*new_state)(void) = NULL;
  const char *(*push_string)(struct lua_State *, const char *) = NULL;
  int (*entry)(struct lua_State *) = NULL;
  if (argc == 5 && strcmp(argv[1], "--tracker") == 0) return tracker_main(argv + 2);
  if (argc != 5) return fail("this program is started by manymoons alone");
  void *lua = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  if (!lua) return fail(dlerror());
  void *module = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  if (!module) return fail(dlerror());
  find(lua, "luaL_newstate", &new_state);
  find(lua, "lua_pushstring", &push_string);
  find(module, argv[3], &entry);
  if (!new_state || !push_string || !entry) return fail("the libraries are not what they were");
  struct lua_State *L = new_state();
  if (!L) return fail("not enough memory");
  push_string(L, argv[4]);
  return entry(L); /* does not return */
}
