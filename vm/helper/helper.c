/* SPDX-License-Identifier: MIT */
/* The program of process workers in hosts that cannot be run anew themselves: a game, an editor. It brings no
 * Lua, but opens the very library that the host uses.
 *
 *     helper LIBLUA MODULE ENTRY ORDER
 *
 * It is part of the module file and run from memory (state/launch.c), so that there is nothing to
 * install beside the module, and nothing to find. LIBLUA is opened for all to see, because C modules of the
 * distribution link no Lua.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct lua_State;

static int fail(const char *what) {
  fprintf(stderr, "manymoons: a worker cannot start: %s\n", what);
  return 1;
}

/* ISO C has no way from a data pointer to a function; POSIX says that the bits are the same. */
static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  memcpy(function, &address, sizeof address);
}

int main(int argc, char **argv) {
  struct lua_State *(*new_state)(void) = NULL;
  const char *(*push_string)(struct lua_State *, const char *) = NULL;
  int (*entry)(struct lua_State *) = NULL;
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
