/* SPDX-License-Identifier: MIT */
/* Reading arguments and returning results, in the one way of all bindings. All functions may raise
 * unless their contract says otherwise. */
#ifndef BINDINGS_CORE_ARGUMENTS_H
#define BINDINGS_CORE_ARGUMENTS_H

#include "core/waiting.h"
#include "state/lua_compat.h"
#include "state/vm.h"

/* The timeout at `index`, in seconds. Absent, nil and infinity wait for ever; 0 and less do not
 * wait; NaN, and what is no number, raises. core/checks.lua has the same for Lua. */
deadline argument_timeout(lua_State *L, int index);

/* A value in a message, as checks.show in Lua: a number, a string and a boolean as they are, and the type of another
 * one. [-0, +0|1, memory] */
const char *argument_shown(lua_State *L, int index);

/* The argument of os.exit: nil, a boolean, or a number of which the low eight bits count. */
int argument_exit_status(lua_State *L, int index);

/* How many items a list of the script has: its field `n`, or else its `#`, whatever a script or a metamethod
 * says there. -1: it says no length, and `why` has the text: "n: a whole number, 0 or more, expected, got -2".
 * A metamethod may raise. [-0, +0, raises] */
enum { LENGTH_TEXT_MAX = 96 };
int list_length(lua_State *L, int index, char why[LENGTH_TEXT_MAX]);
/* The same for a list of arguments, which also have to fit on the stack. [-0, +0, raises] */
int list_argument_count(lua_State *L, int index, char why[LENGTH_TEXT_MAX]);
/* list_length(list, are_arguments) → the length; or nil and why. [-0, +1 or 2, raises] */
int list_length_call(lua_State *L);

/* Pushes nil and the text of the status; returns 2. For failures that are not the script's
 * error. */
int return_failure(lua_State *L, status st);
/* After a failure to make an object in shared memory: whether a limit of this worker's memory was the
 * reason and its garbage, which may hold objects, is collected now: then it is worth a second try.
 * [-0, +0, runs finalizers] */
bool refusal_collected(lua_State *L, status st);
/* As return_failure; the text of a failure for want of memory names the object ("Queue"; NULL: the
 * caller does), the bytes wanted, and how much of the program's shared memory is in use. */
int return_memory_failure(lua_State *L, status st, const char *object, uint64_t size);
/* Pushes true and returns 1; a failure is returned as by return_failure. */
int return_status(lua_State *L, status st);

/* The metatable of a kind of handle: methods in __index, with close; __close, which is the same; __gc; __name and
 * __tostring ("Queue: 0x…"). A VM makes it when it first needs it: a worker has what it uses. [-0, +0] */
struct handle_class {
  const char *name; /* "Queue" */
  const char *key;  /* its name in the registry, "manymoons.Queue" */
  const luaL_Reg *methods;
  lua_CFunction close;                 /* ends waits in the handle (core/waiting.h); safe to call twice */
  lua_CFunction collect;               /* __gc: nothing waits in it, and it waits for nothing */
  const luaL_Reg *more;                /* further methods, or NULL */
  const struct waiting_entry *waiting; /* methods that may wait (waiting.h), or NULL */
  const struct waitable *waitable;     /* its field WAITABLE_FIELD, for mm.wait (wait_any.h), or NULL */
};
#define WAITABLE_FIELD "__mm_wait"
/* Pushes the metatable. True: this call has made it, with its methods. [-0, +1, memory] */
bool class_push(lua_State *L, const struct handle_class *class);
/* Stores a pointer to a constant in the metatable on top. [-0, +0, memory] */
void class_set_pointer(lua_State *L, const char *field, const void *pointer);
/* The userdata at `index`, of this class; it may be closed. [-0, +0, raises] */
void *class_check(lua_State *L, int index, const struct handle_class *class);

#endif
