#!/bin/sh
# SPDX-License-Identifier: MIT
# variants: release
# manymoons-luajit is manymoons with LuaJIT: command lines mean what they mean to luajit, workers have LuaJIT in each world and
# start in each way, the commands work, and what LuaJIT cannot do is said.
set -eu
program=$MM_BUILD/manymoons-luajit
[ -x "$program" ] || { echo "libluajit-5.1-dev is not installed"; exit 77; }
unset LUA_INIT LUA_PATH LUA_CPATH
wrong=0
complain() { echo "$1"; wrong=1; }

# ---- command lines: as luajit ---------------------------------------------------------------------------------------

mkdir theirs ours
ln -s "$(command -v luajit)" theirs/lua
ln -s "$program" ours/lua

# side FOLDER COMMAND: writes FOLDER.out, FOLDER.err and FOLDER.status, without the program's name and addresses.
side() {
  status=0
  (PATH=$PWD/$1:$PATH sh -c "$2") >raw.out 2>raw.err </dev/null || status=$?
  echo $status >"$1.status"
  for part in out err; do sed -E -e 's/^(lua|manymoons): //' -e 's/0x[0-9a-f]+/ADDRESS/g' raw.$part >"$1.$part"; done
}

# same COMMAND: output, first line of stderr and exit status.
same() {
  side theirs "$1"
  side ours "$1"
  for folder in theirs ours; do sed -i 1q $folder.err; done
  for part in out err status; do
    cmp -s theirs.$part ours.$part || complain "$1: $part of luajit: $(cat theirs.$part), of manymoons-luajit: $(cat ours.$part)"
  done
}

cat >show.lua <<'SCRIPT'
local least = 0
while arg[least - 1] do least = least - 1 end
for i = least, #arg do print(i, arg[i]) end
print(select("#", ...), ...)
SCRIPT
echo 'print("mod", ...) return { answer = 42 }' >mod.lua
echo 'error("deep")' >fails.lua
echo 'x = = 1' >syntax.lua
luajit -b show.lua binary.luac

same 'lua show.lua a "b c" "" -e --world'
same 'lua -e "x = 1" -lmod show.lua a'
same 'lua - a b <show.lua'
same 'lua binary.luac 1'
same 'lua -e "print(_VERSION, jit.version, jit.arch, bit.bor(1, 6), require([[ffi]]).sizeof([[int]]))"'
same 'lua -e "print(package.path, package.cpath, package.config)"'
same 'LUA_PATH="/x/?.lua;;" LUA_CPATH="/y/?.so;;" lua -e "print(package.path, package.cpath)"'
same 'LUA_PATH="/x/?.lua" lua -E -e "print(package.path)"'
same 'LUA_INIT="print(1)" lua -e "print(2)"'
same 'LUA_INIT=@mod.lua lua -e "print(2)"'
same 'LUA_INIT="error(7)" lua -e "print(2)"'
same 'LUA_INIT="print(1)" LUA_INIT_5_4="print(54)" lua -e "print(2)"'
same 'lua fails.lua'
same 'lua syntax.lua'
same 'lua <syntax.lua'
same 'lua absent.lua'
same 'lua -e "error(setmetatable({}, {__tostring = function() return [[told]] end}))"'
same 'lua -e "os.exit(7)"'
same 'lua -e "os.exit(false)"'
same 'lua -e "os.exit([[x]])"'
same 'lua -e "os.exit(3, true)"'
same 'lua -e "setmetatable({}, {__gc = 1}) local p = newproxy(true) getmetatable(p).__gc = function() print(4) end"'
same 'lua -e "coroutine.wrap(function() os.exit(6) end)()"'
same 'lua -e "print(string.dump(function() end):sub(1, 3) == [[\27LJ]])"'
same 'lua -e "for i = 1, 1e7 do x = i end print(x)"'
same 'lua -e "print(pcall(require, [[jit.p]]))" | cut -c 1-10'

# gives WANTED COMMAND…: the output.
gives() {
  wanted=$1
  shift
  status=0
  "$@" >out 2>err || status=$?
  [ $status = 0 ] && [ "$(cat out)" = "$wanted" ] || complain "$*: status $status, output $(cat out), stderr $(cat err)"
}

version=$("$MM_BUILD/manymoons" -v | sed 's/ (.*//')
"$program" -v | grep -q "^$version (LuaJIT 2" || complain "the version: $("$program" -v)"
status=0
"$program" -W show.lua >out 2>err || status=$?
[ $status = 2 ] && [ "$(cat err)" = "manymoons: '-W': LuaJIT has no warnings" ] || complain "-W: status $status, $(cat err)"
gives "mod	mod
42" "$program" -l mod -e 'print(mod.answer)'
gives 'for i = 3, 3 do' sh -c "printf 'for i = 3, 3 do\nprint(i) end\n' | $program -i | grep -o 'for i = 3, 3 do'"

# ---- workers --------------------------------------------------------------------------------------------------------

cat >workers.lua <<'SCRIPT'
local mm = require("manymoons")
local ffi = require("ffi")
local factor = 3
local pool = mm.Pool(2)
local function scale(x) return x * factor, jit.version, ffi.abi("64bit") end
local product, version = pool:apply(scale, 14)
assert(product == 42 and version == jit.version)
assert(pool:map(function(x) return x ^ 2 end, { 1, 2, 3 })[3] == 9)
local ends = mm.Process(function() os.exit(7) end)
ends:start()
ends:join()
print(ends.exitcode, mm.gil().preemptible)
pool:close()
pool:join()
local cjson, lpeg = require("cjson"), require("lpeg")
assert(mm.Pool(1):apply(cjson.encode, { 1, 2 }) == "[1,2]" and lpeg.match(lpeg.P("a"), "a") == 2)
SCRIPT
for world in serial async threads interpreters processes; do
  gives '7	false' "$program" --world $world workers.lua
done
for method in spawn forkserver; do MANYMOONS_START_METHOD=$method gives '7	false' "$program" workers.lua; done
# Where a task of the loop ends the program, in a coroutine that waits as well.
cat >task.lua <<'SCRIPT'
local mm = require("manymoons")
mm.async.run(function()
  mm.async.spawn(function() mm.sleep(0.001) os.exit(5) end)
  mm.sleep(1000)
end)
SCRIPT
status=0
"$program" task.lua || status=$?
[ $status = 5 ] || complain "os.exit in a task: status $status"

# ---- commands -------------------------------------------------------------------------------------------------------

seq 1 100 >lines
gives 10100 "$program" map --reduce 'a + b' 'x * 2' lines
gives 'LuaJIT' sh -c "echo 1 | $program map 'jit.version:sub(1, 6)'"
cat >work.lua <<'SCRIPT'
local mm = require("manymoons")
local function crunch(x)
  local sum = 0
  for i = 1, 1000 * x do sum = sum + i % 7 end
  return sum
end
io.stderr:write(jit and "luajit" or _VERSION, " ", mm.current_world(), "\n")
print(#mm.Pool(2):map(crunch, { 1, 2, 3 }))
SCRIPT
gives 3 "$program" trace -o trace.json work.lua
grep -q '"traceEvents"' trace.json || complain "no trace"
gives 3 "$program" profile -o profile.folded work.lua
[ -f profile.folded ] || complain "no profile"

# A program that waits is seen by both programs, and ended by Ctrl-C.
echo 'local function waits() require("manymoons").sleep(1000) end io.open("ready", "w"):close() waits()' >waits.lua
env --default-signal=INT "$program" waits.lua 2>waits.err &
pid=$!
until [ -f ready ]; do sleep 0.02; done
for each in "$program" "$MM_BUILD/manymoons"; do
  "$each" top --once $pid >out 2>err && grep -q waits.lua out || complain "$each top: $(cat out err)"
  until "$each" stack $pid >out 2>err && grep -q "waits (waits.lua:1)" out; do kill -0 $pid || complain "it has ended: $(cat waits.err)"; done
done
kill -INT $pid
status=0
wait $pid || status=$?
[ $status = 130 ] && [ "$(cat waits.err)" = "manymoons: interrupted" ] || complain "Ctrl-C: status $status, $(cat waits.err)"

# Both in one table, whichever compares, and where no other Lua is installed.
for each in "$program" "$MM_BUILD/manymoons"; do
  status=0
  PATH=/nowhere "$each" compare --lua 5.4,luajit --worlds serial,processes --runs 1 --warmup 0 work.lua >out 2>err || status=$?
  printf '%s\n' "Lua 5.4 serial" "Lua 5.4 processes" "luajit serial" "luajit processes" | cmp -s - err ||
    complain "$each compare: the Luas do not follow --lua: $(cat err)"
  [ $status = 0 ] && grep -q "^processes *luajit " out && grep -q "^processes *5.4 " out || complain "$each compare: status $status, $(cat out)"
done
exit $wrong
