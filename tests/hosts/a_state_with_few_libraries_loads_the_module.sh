#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that embeds Lua and opens only some libraries, as a sandbox for scripts does, loads the module: all worlds
# work, the libraries stay closed, and what is missing is said in clear words.
set -eu
case $MM_BUILD in */asan | */tsan) exit 0 ;; esac # the sanitizer would have to be in the program
[ -f /usr/include/lua5.4/lua.h ] || exit 77

cat >host.c <<'END'
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

int luaopen_manymoons(lua_State *L);

static const luaL_Reg libraries[] = {{"_G", luaopen_base},
                                     {"string", luaopen_string},
                                     {"coroutine", luaopen_coroutine},
                                     {"package", luaopen_package},
                                     {NULL, NULL}};

static int fail(lua_State *L, const char *what) {
  printf("%s: %s\n", what, lua_tostring(L, -1));
  lua_close(L);
  return 0;
}

/* host SCRIPT LIBRARY… */
int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  for (int i = 2; i < argc; i++)
    for (const luaL_Reg *l = libraries; l->name; l++)
      if (strcmp(l->name, argv[i]) == 0) luaL_requiref(L, l->name, l->func, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, luaopen_manymoons);
  if (lua_pcall(L, 0, 1, 0)) return fail(L, "loading");
  lua_setglobal(L, "manymoons");
  if (luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 1, 0)) return fail(L, "running");
  printf("%s\n", lua_tostring(L, -1));
  lua_close(L);
  return 0;
}
END
cat >script.lua <<'END'
local mm = manymoons
for _, world in ipairs({ "serial", "async", "threads", "interpreters", "processes" }) do
  local pool = mm.world(world).Pool(2)
  local list = pool:map(function(x) return x * x end, { 1, 2, 3 })
  if list[3] ~= 9 then error(world) end
  local ok, err = pcall(pool.apply, pool, error, "a failure")
  if ok or not tostring(err):find("a failure", 1, true) then error(world .. ": " .. tostring(err)) end
  pool:terminate()
end
local queue = mm.processes.Queue()
local process = mm.processes.Process(function(q) q:put("put") end, queue)
process:start()
if queue:get() ~= "put" then error("queue") end
process:join()
for _, name in ipairs({ "debug", "os", "io", "table", "math" }) do
  if _G[name] ~= nil then error(name .. " is there") end
end
return "done"
END
cc -I/usr/include/lua5.4 host.c -o host "$MM_BUILD/lua/5.4/manymoons.so" -Wl,-rpath,"$MM_BUILD/lua/5.4" -llua5.4

# says WANTED LIBRARY…
says() {
  local wanted=$1
  shift
  timeout "${MM_HANG:-60}" ./host script.lua "$@" >said 2>&1 </dev/null || { echo "$*: exit status $?"; cat said; exit 1; }
  grep -q "$wanted" said && [ "$(wc -l <said)" = 1 ] || { echo "$*: wanted: $wanted"; cat said; exit 1; }
}
says "^done$" _G string coroutine
says "^done$" _G string
says "^done$" _G string package
says "loading: manymoons: this Lua state has no library 'string'" _G
says "loading: manymoons: this Lua state has no function 'assert'" string
