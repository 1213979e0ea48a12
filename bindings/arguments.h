/* SPDX-License-Identifier: MIT */
/* What every binding does with its arguments and its results. All functions: [raises] unless said otherwise.
 */
#ifndef BINDINGS_ARGUMENTS_H
#define BINDINGS_ARGUMENTS_H

#include "state/lua_compat.h"
#include "state/vm.h"

/* The timeout at `index`: absent or nil waits for ever, 0 does not wait; a number of seconds otherwise. */
deadline argument_timeout(lua_State *L, int index);

/* Pushes nil and the status's word, and returns 2: "what the world may do returns nil, why". */
int return_failure(lua_State *L, status st);
/* Pushes true, or as return_failure. */
int return_status(lua_State *L, status st);

/* A wait of a script is taken in slices while this VM has pools: between them the pools look after their
 * workers, so that one that died is replaced even while the script waits for something else.
 *
 *   do {
 *     vm_leave(vm);
 *     st = …(wait_slice(L, until));
 *     vm_enter(vm);
 *   } while (is_wait_unfinished(L, vm, st, until));
 */
deadline wait_slice(lua_State *L, deadline until);
/* True if the wait is to be taken up again. Does not raise. */
bool is_wait_unfinished(lua_State *L, struct vm *vm, status st, deadline until);
/* Raises if the wait ended because the VM is to stop. */
void raise_if_stopped(lua_State *L, struct vm *vm, status st);
/* Who tends to the pools: a function in the registry under this key, or nil. */
#define WAIT_TENDER "manymoons.tender"

/* A new metatable for handles: methods in __index, __gc, __close, __tostring ("Queue: 0x…") and __name. [-0,
 * +0] */
struct handle_class {
  const char *name; /* "Queue" */
  const char *key;  /* its name in the registry, "manymoons.Queue" */
  const luaL_Reg *methods;
  lua_CFunction close;
};
void class_register(lua_State *L, const struct handle_class *class);
void *class_check(lua_State *L, int index, const struct handle_class *class);

#endif
