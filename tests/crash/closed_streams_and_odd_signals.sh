#!/bin/sh
# SPDX-License-Identifier: MIT
# The same work is done with any of stdin, stdout and stderr closed, with any setting of SIGCHLD and SIGPIPE, and with an
# output that is not read.
set -eu

cat >work.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(2)
local squares = pool:map(function(x) print("from a worker") return x * x end, { 1, 2, 3, 4 })
pool:close()
pool:join()
local q = mm.Queue()
local p = mm.Process{ method = arg[2] ~= "none" and arg[2] or nil, target = function()
  io.stderr:write("from a process\n")
  q:put(squares[4])
end }
p:start()
p:join()
local out = assert(io.open(arg[1], "w"))
out:write(squares[3] + q:get(), " ", p.exitcode)
out:close()
END

# holds WORLD METHOD DESCRIPTION: what the run left in the file `result`.
holds() {
  [ "$(cat result 2>/dev/null)" = "25 0" ] || { echo "$*: $(cat result 2>&1)"; cat out 2>/dev/null; }
  rm -f result out
}

manymoons=$MM_BUILD/manymoons
for world in serial interpreters processes; do
  methods=none
  [ $world != processes ] || methods="fork spawn forkserver"
  for method in $methods; do
    run() { "$manymoons" --world $world work.lua result $method; }
    run <&- >out 2>&1 || true
    holds $world $method "stdin closed"
    run >&- 2>out || true
    holds $world $method "stdout closed"
    run 2>&- >out || true
    holds $world $method "stderr closed"
    run <&- >&- 2>&- || true
    holds $world $method "all closed"
    env --ignore-signal=CHLD "$manymoons" --world $world work.lua result $method >out 2>&1 || true
    holds $world $method "SIGCHLD ignored"
    env --ignore-signal=PIPE "$manymoons" --world $world work.lua result $method >out 2>&1 || true
    holds $world $method "SIGPIPE ignored"
    env --default-signal=PIPE "$manymoons" --world $world work.lua result $method >out 2>&1 || true
    holds $world $method "SIGPIPE default"
  done
done
