#!/bin/sh
# SPDX-License-Identifier: MIT
# The official test suite of Lua 5.4, whose folder MM_LUA_TESTS names (the version of the program's Lua: manymoons -v):
# as a whole under the program, and file by file in workers of every world. Without the variable it is skipped. By hand:
#
#     MM_LUA_TESTS=…/lua-5.4.4-tests MM_BUILD=$PWD/build/release sh tests/hosts/official_suite.sh
#
# Not run in workers: all.lua, which runs the others; big.lua, which is one of its coroutines; main.lua, which is about
# the options of the program lua; heavy.lua, which fills the memory. Four lines of coroutine.lua and errors.lua say that
# their caller is in no coroutine; a task of the world async is in one, and runs the rest. db.lua counts the events of a hook: on a busy machine it may miss one in threads, where requests of other threads take the hook's place.
set -u
[ -n "${MM_LUA_TESTS:-}" ] || { echo 'MM_LUA_TESTS names no folder of the test suite of Lua'; exit 77; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cp -r "$MM_LUA_TESTS/." "$here"
cd "$here" || exit
program="$MM_BUILD/manymoons"
wrong=0

# run WHAT COMMAND…
run() {
  what=$1
  shift
  timeout "${MM_HANG:-300}" "$@" >out 2>&1 </dev/null && return
  echo "$what: exit status $?: $(tail -n 12 out)"
  wrong=1
}

cat >in_a_worker.lua <<'END'
local mm = require "manymoons"
local how, file = arg[1], arg[2]
local function test(name)
  _port, _soft, _nomsg = true, true, true
  assert(loadfile(name))()
end
if how == "pool" then return mm.Pool(1):apply(test, file) end
local process = mm.Process(test, file)
process:start()
process:join()
os.exit(process.exitcode == 0)
END

run 'the whole suite' "$program" -e '_U=true' all.lua
for file in coroutine.lua errors.lua; do
  sed -e '/^assert(type(main) == "thread" and ismain)$/d' -e '/^assert(not coroutine.isyieldable(main) and /d' \
    -e '/^assert(not pcall(coroutine.yield))$/d' -e '/^checkmessage("coroutine.yield()", "outside/d' "$file" >"task_$file"
done
for world in serial async threads interpreters processes; do
  for file in *.lua; do
    case $file in
      in_a_worker.lua | all.lua | big.lua | main.lua | heavy.lua) continue ;;
      coroutine.lua | errors.lua) [ "$world" != async ] || continue ;;
      task_*) [ "$world" = async ] || continue ;;
    esac
    for how in process pool; do
      run "$file in a $how of the world $world" "$program" --world "$world" in_a_worker.lua "$how" "$file"
    done
  done
done
exit $wrong
