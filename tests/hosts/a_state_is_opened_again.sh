#!/bin/sh
# SPDX-License-Identifier: MIT
# A host closes its lua_State and opens another one, as a game does that reloads its scripts. Every world works in each
# of them, and any thread may open a state and close it.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the host

fail() {
  echo "$1"
  cat out
  exit 1
}

cat >host.c <<'C'
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>

static const char *world;

static void *open_and_run(void *unused) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_pushstring(L, world);
  lua_setglobal(L, "WORLD");
  if (luaL_loadfile(L, "work.lua") || lua_pcall(L, 0, 0, 0)) {
    printf("%s\n", lua_tostring(L, -1));
    return unused;
  }
  return L;
}

static void *run_again(void *L) {
  lua_getglobal(L, "again");
  if (!lua_pcall(L, 0, 0, 0)) return L;
  printf("again: %s\n", lua_tostring(L, -1));
  return NULL;
}

static void *close_state(void *L) {
  lua_close(L);
  return NULL;
}

static void *in_a_thread(void *(*step)(void *), void *argument) {
  pthread_t thread;
  void *result = NULL;
  return pthread_create(&thread, NULL, step, argument) || pthread_join(thread, &result) ? NULL : result;
}

static void *in_either(int is_other, void *(*step)(void *), void *argument) {
  return is_other ? in_a_thread(step, argument) : step(argument);
}

/* The bits of the round: what another thread does. 0: it opens the state, 1: it closes the state, 2: it uses the state
 * in between, whose workers live until the end. */
int main(int argc, char **argv) {
  world = argv[argc - 1];
  for (int round = 0; round < 16; round++) {
    void *L = in_either(round & 1, open_and_run, NULL);
    if (!L || !in_either(round & 4, run_again, L)) return round + 1;
    in_either(round & 2, close_state, L);
  }
  return 0;
}
C
cat >work.lua <<'L'
local mm = require "manymoons"
local world = mm.world(WORLD)
local pool = world.Pool(2)
-- A thread of the pool gets the VM's lock from the thread that computes, which may be another one than opened the state.
local is_seen = false
local function see() is_seen = true end
function again()
  assert(pool:map(function(x) return x * x end, { 1, 2, 3 })[3] == 9)
  if WORLD ~= "threads" or jit then return end
  is_seen = false
  local seen = pool:submit(see)
  while not is_seen do end
  seen:get()
end
again()
local queue = world.Queue()
local process = world.Process(function(q) q:put("hello") end, queue)
if WORLD ~= "serial" then
  process:start()
  process:join()
  assert(process.exitcode == 0 and queue:get() == "hello")
end
L

for lua in lua5.4:5.4 lua5.1:5.1 luajit:5.1; do
  cc -O2 -pthread host.c -o host $(pkg-config --cflags --libs "${lua%:*}") -Wl,-E >out 2>&1 || fail "${lua%:*}: the host does not build"
  for world in serial async threads interpreters processes; do
    LUA_CPATH_5_4="$MM_BUILD/lua/${lua#*:}/?.so" LUA_CPATH="$MM_BUILD/lua/${lua#*:}/?.so" \
      timeout "${MM_HANG:-60}" ./host $world >out 2>&1 || fail "${lua%:*}, $world: exit status $?"
  done
done
