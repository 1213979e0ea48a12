#!/bin/sh
# SPDX-License-Identifier: MIT
# Ctrl-C in the middle of the work: one message, exit status 130, and nothing left behind: whether the
# signal reaches the host alone or, as from a terminal, all of its processes.
set -eu

cat >busy.lua <<'END'
local mm = require("manymoons")
local ready = mm.Queue()
local pool = mm.Pool(2)
local futures = {}
local function work(i)
  ready:put(true)
  if i == 1 then while true do end end
  if i == 2 then mm.sleep(1000) end
end
if mm.current_world() == "serial" then
  io.open("ready", "w"):close()
  work(1)
end
for i = 1, 2 do futures[i] = pool:submit(work, i) end
local child = mm.Process(work, 1)
child:start()
for _ = 1, 3 do ready:get() end
io.open("ready", "w"):close()
if arg[1] == "get" then futures[1]:get() end
if arg[1] == "join" then child:join() end
if arg[1] == "sleep" then mm.sleep(1000) end
while true do pcall(function() while true do end end) end
END

# Other tests, which run at the same time, have names of their own there, or of their programs.
list_files() { ls -A /dev/shm | grep -v '^mm_' || true; }
before=$(list_files)

# interrupt TARGET WORLD WHILE: TARGET is host, or group.
interrupt() {
  rm -f ready
  setsid env --default-signal=INT "$MM_BUILD/manymoons" --world "$2" busy.lua "$3" >out 2>&1 &
  host=$!
  hosts="$hosts $host"
  until [ -e ready ]; do sleep 0.02; done
  case $1 in host) kill -INT $host ;; group) kill -INT -$host ;; esac
  status=0
  wait $host || status=$?
  [ $status = 130 ] || echo "$*: exit status $status"
  [ "$(cat out)" = "manymoons: interrupted" ] || { echo "$*: printed this:"; cat out; }
}

hosts=
for target in host group; do
  for world in serial interpreters processes; do
    for what in get join sleep loop; do interrupt $target $world $what; done
  done
done
[ "$(list_files)" = "$before" ] || { echo "left in /dev/shm:"; list_files; }
for host in $hosts; do
  ls -A /dev/shm | grep "^mm_${host}_" || true
done
