#!/bin/sh
# SPDX-License-Identifier: MIT
# If descriptors, memory or processes run out, there is a clear error or the right result; nothing hangs, and no process
# is killed by a signal.
set -eu

cat >work.lua <<'END'
local mm = require("manymoons")
local ok, err = pcall(function()
  local pool = mm.Pool(tonumber(arg[1]))
  local squares = pool:map(function(x) return x * x end, { 1, 2, 3, 4 })
  assert(squares[4] == 16)
  pool:close()
  pool:join()
end)
if not ok then print((tostring(err):gsub("\n.*", ""))) end
os.exit(true, true)
END

# limited DESCRIPTION ULIMIT-OPTION VALUE WORLD WORKERS
limited() {
  status=0
  (ulimit "$2" "$3" && exec timeout "${MM_HANG:-60}" "$MM_BUILD/manymoons" --world "$4" work.lua "$5") >out 2>&1 || status=$?
  [ $status -le 1 ] || { echo "$*: exit status $status"; cat out; return 0; }
  grep -Eqv 'E[A-Z]+: |not enough memory|cannot start|no shared memory' out || return 0
  echo "$*: not a clear error:"
  cat out
}

for world in interpreters processes; do
  for descriptors in 6 8 10 12 16 24 32; do limited "few descriptors" -n $descriptors $world 12; done
done
case $MM_BUILD in */asan) exit 0 ;; esac # it takes terabytes of addresses for itself
for world in interpreters processes; do
  for kib in 20000 60000 120000 250000 500000 2000000; do limited "few addresses" -v $kib $world 4; done
done
