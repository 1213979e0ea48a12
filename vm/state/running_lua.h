/* SPDX-License-Identifier: MIT */
/* Which Lua runs in this process, found before one of its functions is called.
 *
 * A module that was built for another Lua must not touch the state: indices of pseudo-variables and the sizes of structures
 * differ. So the functions that only some Luas have are weak references in the module (bindings/lua/own_api.list), which do
 * not keep it from being loaded, and this file looks at which of them are there.
 */
#ifndef STATE_RUNNING_LUA_H
#define STATE_RUNNING_LUA_H

typedef struct lua_State lua_State;

/* Raises unless the Lua that runs has the version for which this was built, "5.4"; the error names the file of this module,
 * and the one to use. LuaJIT is 5.1. [-0, +0, raises] */
void running_lua_check(lua_State *L, const char *built_for);

#endif
