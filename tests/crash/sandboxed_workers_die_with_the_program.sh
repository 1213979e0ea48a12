#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that is killed leaves neither guards nor sandboxed workers; to kill either of a worker's two processes is to
# kill both. Exit status 77: the kernel has no Landlock or no seccomp.
set -eu
here=$(mktemp -d)
program=
trap 'rm -rf "$here"; [ -z "$program" ] || kill -9 $program 2>/dev/null || :' EXIT
cd "$here"

cat >program.lua <<'END'
local mm = require "manymoons"
if mm._native.sandbox_obstacle(true) then os.exit(77) end
local P = mm.processes
local begun = P.Queue()
local process = P.Process({ sandbox = true, method = arg[1], args = { begun }, target = function(q)
  q:put(true)
  while true do end
end })
process:start()
begun:get()
local children = assert(io.open("/proc/" .. process.pid .. "/task/" .. process.pid .. "/children")):read("*a")
local out = assert(io.open("pids.new", "w"))
out:write(process.pid, " ", children, "\n")
out:close()
assert(os.rename("pids.new", "pids"))
process:join()
os.exit(process.exitcode == -9 and 9 or 1)
END

gone() { # PID…: waits until they are
  for pid; do
    while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do sleep 0.05; done
  done
}
for method in forkserver spawn fork; do
  for victim in program guard worker; do
    rm -f pids
    "$MM_BUILD/manymoons" program.lua $method &
    program=$!
    while [ ! -e pids ]; do
      kill -0 $program 2>/dev/null || { wait $program || status=$?; [ "$status" = 77 ] && echo SKIPPED; exit "$status"; }
      sleep 0.05
    done
    read -r guard worker rest <pids
    case $victim in
      program) kill -9 $program ;;
      guard) kill -9 "$guard" ;;
      worker) kill -9 "$worker" ;;
    esac
    gone "$guard" "$worker"
    status=0
    wait $program 2>/dev/null || status=$?
    [ $victim = program ] || [ $status = 9 ] || { echo "$method, $victim: status $status"; exit 1; }
  done
done
