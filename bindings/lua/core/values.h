/* SPDX-License-Identifier: MIT */
/* mm.dumps, mm.loads, mm.register: values as strings, and classes that are sent by name. */
#ifndef BINDINGS_CORE_VALUES_H
#define BINDINGS_CORE_VALUES_H

#include "state/lua_compat.h"

/* dumps(value) → string. [-0, +1, raises] */
int values_dumps(lua_State *L);
/* loads(string [, {functions = true}]) → value: data; with functions = true, as from this program.
 * [-0, +1, raises] */
int values_loads(lua_State *L);
/* loads_from("stranger" | "peer" | "own program", string) → value (state/trust.h).
 * [-0, +1, raises] */
int values_loads_from(lua_State *L);
/* register(name, metatable [, {untrusted = true}]) → metatable, whose instances can be sent, and
 * received from strangers if it is registered as untrusted. [-0, +1, raises] */
int values_register(lua_State *L);

/* seal(function) → the function, which is sent by its name from now on (state/names.h).
 * [-0, +1, raises] */
int values_seal(lua_State *L);
/* replace_original(library, key, function, before) → the function, which is about to take the place of `before`. It is
 * sent as the standard function of that place; or as `before`, where that is a function of the script.
 * [-0, +1, raises] */
int values_replace_original(lua_State *L);

/* hash(text) → 32 hexadecimal digits, the same in every run. No proof against a text that was made to have them.
 * [-0, +1, raises] */
int values_hash(lua_State *L);

#endif
