#!/bin/sh
# SPDX-License-Identifier: MIT
# A host forks after it has loaded the module: a daemon, a server, a test's runner. The child is a stranger to the
# program. However it ends, and whatever it does, what the parent has stays whole; what the child inherited is refused, and
# what it makes anew works.
set -eu
# The child has copies of what the parent knows of its fork server, and frees none of them.
case $MM_BUILD in */asan) export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" ;; esac

cat >tinyfork.c <<'C'
#include <lauxlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int fork_call(lua_State *L) {
  lua_pushinteger(L, fork());
  return 1;
}

static int wait_call(lua_State *L) {
  int how = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &how, 0);
  lua_pushinteger(L, WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how));
  return 1;
}

int luaopen_tinyfork(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, fork_call);
  lua_setfield(L, -2, "fork");
  lua_pushcfunction(L, wait_call);
  lua_setfield(L, -2, "wait");
  return 1;
}
C

cat >host.lua <<'L'
package.cpath = "./?.so;" .. package.cpath
local mm, tinyfork = require "manymoons", require "tinyfork"
local mode = arg[1]
local has = {}

local function square(x) return x * x end

if mode ~= "bare" then
  has.queue = mm.processes.Queue()
  has.queue:put("kept")
  has.lock, has.value, has.table = mm.Lock(), mm.Value("i32", 7), mm.Table()
  has.connection, has.other = mm.processes.Pipe()
  has.array = mm.Array("f64", { 1, 2 })
  has.lock:acquire()
end
if mode:find("pool") or mode:find("anew") then
  has.pool = mm.processes.Pool(1)
  has.pool:apply(square, 1)
  has.future = has.pool:submit(square, 4)
  has.gate = mm.processes.Queue()
  has.process = mm.processes.Process({ method = "forkserver", target = function(q) q:get() end, args = { has.gate } })
  has.process:start()
end

local function refused(f, ...)
  local ok, why = pcall(f, ...)
  if ok or not tostring(why):find("belongs to the process that forked this one", 1, true) then
    error(ok and "no error" or why, 2)
  end
end

local uses = {
  exit = function() os.exit(0) end,
  close = function() os.exit(0, true) end,
  gc = function()
    has = {}
    collectgarbage()
    collectgarbage()
    os.exit(0)
  end,
  refused = function()
    refused(has.queue.put, has.queue, 1)
    refused(has.queue.get, has.queue)
    refused(has.lock.release, has.lock)
    refused(function() return has.value.value end)
    refused(function() return has.array[1] end)
    refused(function() has.table.x = 1 end)
    refused(has.connection.send, has.connection, 1)
    refused(mm.wait, { has.queue }, 0)
    local own = mm.processes.Queue()
    refused(own.put, own, has.queue)
    refused(has.queue.close, has.queue)
    has.lock:close()
    has.connection:close()
  end,
  pool = function()
    refused(has.pool.apply, has.pool, square, 1)
    refused(has.future.get, has.future)
    refused(has.process.is_alive, has.process)
    has.pool:terminate()
    assert(#mm.active_children() == 0)
  end,
  anew = function()
    for _, world in ipairs({ "interpreters", "processes" }) do
      local pool = mm[world].Pool(2)
      assert(pool:map(square, { 1, 2, 3 })[3] == 9)
      pool:terminate()
    end
    for _, method in ipairs({ "fork", "forkserver", "spawn" }) do
      local queue = mm.processes.Queue()
      local process = mm.processes.Process({ method = method, target = function(q) q:put("from the child") end, args = { queue } })
      process:start()
      assert(queue:get() == "from the child")
      process:join()
      assert(process.exitcode == 0)
      assert(mm.wait({ queue }, 0)[1] == nil)
    end
    refused(has.queue.put, has.queue, 1)
    has = {}
    collectgarbage()
    -- A stranger's child is a stranger to both.
    local queue = mm.processes.Queue()
    queue:put("again")
    local pid = tinyfork.fork()
    if pid == 0 then os.exit(pcall(queue.get, queue) and 1 or 0, true) end
    assert(tinyfork.wait(pid) == 0)
    assert(queue:get() == "again")
  end,
}

local pid = tinyfork.fork()
if pid == 0 then
  if uses[mode] then
    local ok, why = pcall(uses[mode])
    if not ok then
      io.stderr:write(tostring(why), "\n")
      os.exit(1)
    end
  end
  return
end
local code = tinyfork.wait(pid)
assert(code == 0, "the child ended with " .. code)
if has.queue then
  assert(has.queue:get() == "kept")
  has.queue:put(5)
  assert(has.queue:get() == 5)
  has.lock:release()
  assert(has.value.value == 7 and has.array[2] == 2)
  has.connection:send("whole")
  assert(has.other:recv() == "whole")
end
if has.pool then
  assert(has.future:get() == 16)
  assert(has.pool:apply(square, 2) == 4)
  has.pool:terminate()
  assert(has.process:is_alive())
  has.gate:put(true)
  has.process:join()
  assert(has.process.exitcode == 0)
end
L

run() {
  local mode
  for mode in exit bare queue gc close refused pool anew; do
    timeout "${MM_HANG:-60}" "$@" host.lua $mode >out 2>&1 || { echo "$1 $mode: exit status $?"; cat out; }
  done
}

for lua in lua5.4:5.4 lua5.1:5.1 luajit:5.1; do
  cc -shared -fPIC $(pkg-config --cflags "${lua%:*}") tinyfork.c -o tinyfork.so
  case $lua in lua5.4:*) run "$MM_BUILD/manymoons" ;; esac
  case $MM_BUILD in */asan) continue ;; esac # the sanitizer would have to be in the hosts
  LUA_CPATH_5_4="$MM_BUILD/lua/${lua#*:}/?.so;;" LUA_CPATH="$MM_BUILD/lua/${lua#*:}/?.so;;" run "${lua%:*}"
done
