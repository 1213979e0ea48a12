#!/bin/sh
# SPDX-License-Identifier: MIT
# A worker may run out of memory, or be stopped, at any step of its start, also before its VM is complete: it ends with
# an error, and the program continues.
set -eu

cat >starts.lua <<'END'
local mm = require "manymoons"
local ended = {}
for memory = 32768, 80000, 500 do
  local p = mm.Process({ target = function() end, memory = memory })
  p:start()
  p:join()
  ended[p.exitcode] = true
end
for code in pairs(ended) do assert(code == 0 or code == 1, code) end
assert(ended[0] and ended[1], "neither too little nor enough was tried")
END
for world in interpreters processes; do
  "$MM_BUILD/manymoons" --world $world starts.lua >out 2>&1 || { echo "$world: exit status $?"; tail -n 5 out; }
done
