#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons stack PID, SIGQUIT and manymoons profile PID: all stacks of a running program, of each VM, thread and process,
# with what each does; the program goes on, and is not profiled any more. What cannot be looked at is said.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat out err program.err
  kill -KILL "$pid"
  exit 1
}

# Looks again until each of the lines has been there at one look or another. The runner ends a test that takes too long.
until_stack_has() {
  for line; do
    until "$manymoons" stack $pid >out 2>err && grep -Eq "$line" out; do kill -0 $pid || fail "the program has ended"; done
  done
}

cat >program.lua <<'END'
local mm = require("manymoons")
local lock, gate = mm.Lock(), mm.Queue()
local function spin()
  local sum = 0
  while true do sum = sum + 1 end
end
local function sleepy() mm.sleep(1000) gate:put(1) end
local function blocked() lock:acquire() end
lock:acquire()
for i, f in ipairs({ spin, sleepy, blocked }) do
  mm.Process({ target = f, name = "worker-" .. i, daemon = true }):start()
end
local function outer() gate:get() end
io.open("ready", "w"):close()
outer()
END

for world in threads interpreters processes; do
  rm -f ready
  "$manymoons" --world $world program.lua >out 2>program.err &
  pid=$!
  until [ -f ready ]; do sleep 0.02; done
  # A thread that waits for the VM's lock at that moment is seen where it waits for what it called at another one.
  until_stack_has "spin \(program.lua:5\)" "    outer \(program.lua:13\)" "    acquire \[C\]" "blocked" "$world: worker-1, VM" \
    "  main, VM 1, thread $pid: waits in (Queue:get|a call)$" "$world: worker-2, VM [0-9]*, thread [0-9]*: sleeps" \
    "$world: worker-3, VM .*: waits for Lock, held by MainProcess \(process $pid\)" "^Lock: 1 waiting, held by process $pid"

  "$manymoons" profile --seconds 1 -o running.folded $pid >out 2>err || fail "profile PID fails in $world"
  grep -Eq "^$world: worker-1;(.*;)?spin \(program.lua:3\) [0-9]+$" running.folded || { cat running.folded; fail "spin is not on top in $world"; }

  kill -QUIT $pid
  until grep -q "spin (program.lua:5)" program.err; do sleep 0.1; done
  kill -0 $pid || fail "the program has ended in $world"
  kill -TERM $pid
  wait $pid 2>/dev/null || true
done

# A host that has no handler of ours: its main thread is seen where it waits, its workers everywhere.
# (The sanitizer would have to be in the host.)
if [ "${MM_BUILD##*/}" != asan ] && command -v lua5.4 >/dev/null; then
  for world in threads interpreters processes; do
    rm -f ready
    MANYMOONS_WORLD=$world LUA_CPATH="$MM_BUILD/lua/5.4/?.so" lua5.4 program.lua >out 2>program.err &
    pid=$!
    until [ -f ready ]; do sleep 0.02; done
    until_stack_has "spin \(program.lua:5\)" "outer \(program.lua:13\)"
    kill -TERM $pid
    wait $pid 2>/dev/null || true
  done
fi

pid=$$
code=0
"$manymoons" stack 999999999 >out 2>err || code=$?
[ "$code" = 1 ] && grep -q "no such process" err || { cat err; echo "a PID that is none"; exit 1; }
code=0
"$manymoons" stack $$ >out 2>err || code=$?
[ "$code" = 1 ] && grep -q "no program that uses manymoons" err || { cat err; echo "another program"; exit 1; }
code=0
"$manymoons" stack >out 2>err || code=$?
[ "$code" = 2 ] || { echo "no PID at all"; exit 1; }
