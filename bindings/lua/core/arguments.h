/* SPDX-License-Identifier: MIT */
/* What every binding does with its arguments and its results. All functions: [raises]
 * unless said otherwise. */
#ifndef BINDINGS_CORE_ARGUMENTS_H
#define BINDINGS_CORE_ARGUMENTS_H

#include "core/waiting.h"
#include "state/lua_compat.h"
#include "state/vm.h"

/* The timeout at `index`: absent or nil waits for ever, 0 does not wait; a number of seconds otherwise. */
deadline argument_timeout(lua_State *L, int index);

/* The argument of os.exit in a worker: nil, a boolean, or a number of which eight bits count. */
int argument_exit_status(lua_State *L, int index);

/* Pushes nil and the status's word, and returns 2: "what the world may do returns nil, why". */
int return_failure(lua_State *L, status st);
/* Pushes true, or as return_failure. */
int return_status(lua_State *L, status st);

/* A new metatable for handles: methods in __index, __gc, __close, __tostring ("Queue: 0x…")
 * and __name. [-0, +0] */
struct handle_class {
  const char *name; /* "Queue" */
  const char *key;  /* its name in the registry, "manymoons.Queue" */
  const luaL_Reg *methods;
  lua_CFunction close;
  const luaL_Reg *more;                /* methods beside those, or NULL */
  const struct waiting_entry *waiting; /* methods that may wait (waiting.h), or NULL */
};
void class_register(lua_State *L, const struct handle_class *class);
/* Keeps a pointer to a constant in the metatable. [-0, +0] */
void class_set_pointer(lua_State *L, const struct handle_class *class, const char *field,
                       const void *pointer);
void *class_check(lua_State *L, int index, const struct handle_class *class);

/* class_methods("manymoons.Queue") → the table of a class's methods. [-0, +1, raises] */
int class_methods_call(lua_State *L);

#endif
