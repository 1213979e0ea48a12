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

static void *close_state(void *L) {
  lua_close(L);
  return NULL;
}

static void *in_a_thread(void *(*step)(void *), void *argument) {
  pthread_t thread;
  void *result = NULL;
  return pthread_create(&thread, NULL, step, argument) || pthread_join(thread, &result) ? NULL : result;
}

/* Bit 0 of the round: the state is opened by another thread, bit 1: it is closed by another thread. */
int main(int argc, char **argv) {
  world = argv[argc - 1];
  for (int round = 0; round < 8; round++) {
    void *L = round & 1 ? in_a_thread(open_and_run, NULL) : open_and_run(NULL);
    if (!L) return round + 1;
    if (round & 2)
      in_a_thread(close_state, L);
    else
      close_state(L);
  }
  return 0;
}
C
cat >work.lua <<'L'
local mm = require "manymoons"
local world = mm.world(WORLD)
local pool = world.Pool(2)
assert(pool:map(function(x) return x * x end, { 1, 2, 3 })[3] == 9)
pool:terminate()
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
