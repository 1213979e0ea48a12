#!/bin/sh
# SPDX-License-Identifier: MIT
# A game (LÖVE), an editor with LuaJIT (Neovim) and one with Lua 5.3 (vis) load the module. Every
# world works there, with the host's own Lua in each worker. However the host ends, even during
# work, no process is left.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the host

fail() {
  echo "$1"
  shift
  cat "$@" 2>/dev/null
  exit 1
}

# The output goes to a file, because editors own the terminal. MM_MARK is in the environment of each
# worker.
cat >work.lua <<'END'
package.cpath = os.getenv("MM_CPATH")
local mm = require("manymoons")
local out = assert(io.open(os.getenv("MM_OUT"), "w"))
for _, world in ipairs(mm.worlds) do
  local pool = mm[world].Pool(2)
  local list = pool:map(function(x) return x * x end, { 1, 2, 3 })
  pool:close()
  pool:join()
  out:write(world, " ", table.concat(list, " "), "\n")
end
for _, method in ipairs({ "spawn", "forkserver" }) do
  local q = mm.processes.Queue()
  local p = mm.processes.Process({ method = method, args = { q }, target = function(queue)
    queue:put({ _VERSION, type(jit), mm ~= nil })
    os.exit(3)
  end })
  p:start()
  local said = q:get()
  p:join()
  out:write(method, " ", tostring(said[1] == _VERSION and said[2] == type(jit)), " ", tostring(p.exitcode), "\n")
end
local pool = mm.processes.Pool(1)
local task = pool:submit(function() while true do end end)
mm.sleep(0.01)
assert(not task:ready())
out:write("ends in the middle\n")
out:close()
END
cat >wanted <<'END'
serial 1 4 9
async 1 4 9
threads 1 4 9
interpreters 1 4 9
processes 1 4 9
spawn true 3
forkserver true 3
ends in the middle
END

# Waits until no process has the mark; a remaining worker would run without end.
await_end_of() {
  while grep -lsz "^MM_MARK=$1\$" /proc/[0-9]*/environ >left 2>/dev/null; do sleep 0.1; done
}

# run NAME CPATH COMMAND…
run() {
  local name=$1 mark=$$.$1
  export MM_OUT=$PWD/$1.out MM_CPATH=$2 MM_MARK=$mark
  shift 2
  timeout "${MM_HANG:-60}" "$@" </dev/null >"$name.said" 2>&1 || fail "$name: exit status $?" "$name.said" "$name.out"
  cmp -s wanted "$name.out" || fail "$name: another output" "$name.out" "$name.said"
  await_end_of $mark
}

mkdir -p game config/vis
cp work.lua game/work.lua
cat >game/conf.lua <<'END'
function love.conf(t)
  t.modules.audio = false
  t.window.width, t.window.height = 64, 64
end
END
cat >game/main.lua <<'END'
function love.load()
  require("work")
  love.event.quit()
end
END
cat >config/vis/visrc.lua <<'END'
local ok, why = pcall(dofile, "work.lua")
if not ok then io.open(os.getenv("MM_OUT"), "a"):write(tostring(why), "\n") end
require("vis")
vis.events.subscribe(vis.events.START, function() vis:command("q!") end)
END
echo text >file.txt

jit=$MM_BUILD/lua/5.1/?.so
run love "$jit" env SDL_AUDIODRIVER=dummy "$MM_TOP/tests/support/with-display" love game
run neovim "$jit" nvim --headless -u NONE -c "luafile work.lua" -c qa
[ ! -f "$MM_BUILD/lua/5.3/manymoons.so" ] ||
  run vis "$MM_BUILD/lua/5.3/?.so" env XDG_CONFIG_HOME="$PWD/config" TERM=xterm script -qec "vis file.txt" /dev/null

# When the game is killed, its workers and its fork server end.
cat >game/main.lua <<'END'
function love.load()
  package.cpath = os.getenv("MM_CPATH")
  local mm = require("manymoons")
  pool = mm.processes.Pool(2)
  for _ = 1, 4 do pool:submit(function() while true do end end) end
  os.execute("kill -9 $PPID")
end
END
export MM_MARK=$$.killed MM_CPATH=$jit
status=0
timeout "${MM_HANG:-60}" "$MM_TOP/tests/support/with-display" love game </dev/null >killed.said 2>&1 || status=$?
[ $status = 137 ] || fail "the game was not killed: exit status $status" killed.said
await_end_of $MM_MARK
