#!/bin/sh
# SPDX-License-Identifier: MIT
# `print`, `io.write` and the report of an error wait for a pipe that nobody reads; the other threads or tasks run
# meanwhile. Each line arrives whole, and none is lost.
set -eu

cat >script.lua <<'END'
local mm = require("manymoons")
local world = mm.current_world()
local LINES, SOME, rest = 1500, 600, ("x"):rep(60)
local printed, printers = { 0, 0, 0 }, {}

for i = 1, 3 do
  printers[i] = mm.Process(function()
    for n = 1, LINES do
      if n % 2 == 0 then print(i, n, rest) else io.write(i, "\t", n, "\t", rest, "\n") end
      printed[i] = n
    end
  end)
  printers[i]:start()
end
while printed[1] + printed[2] + printed[3] < SOME do mm.sleep(0) end

-- The report of a thread, which waits as well. (In `async` a report ends before other tasks go on; the print of 5.1 and
-- LuaJIT leaves parts of lines in the buffer of stdout.)
if arg[1] == "fails" then
  local failing = mm.Process{ name = "failing", target = function() error("boom", 0) end }
  failing:start()
  printers[4] = failing
end
-- The pipe is full now, or will be.
for _ = 1, 200 do mm.sleep(0.0005) end
io.open("counted", "w"):close()
for _, printer in ipairs(printers) do printer:join() end
print("end")
END

awk 'BEGIN { for (i = 1; i <= 3; i++) for (n = 1; n <= 1500; n++) {
  s = ""; for (k = 1; k <= 60; k++) s = s "x"; print i "\t" n "\t" s }; print "end" }' >lines

# run COMMAND…
run() {
  fails=
  case $world/$1 in threads/lua5.4 | threads/*manymoons) fails=fails ;; esac
  rm -f pipe counted
  mkfifo pipe
  exec 3<>pipe
  "$@" script.lua $fails >pipe 2>&1 &
  pid=$!
  until [ -f counted ]; do kill -0 $pid 2>/dev/null || { echo "$*: it has ended"; break; }; sleep 0.01; done
  cat pipe 3<&- >got &
  reader=$!
  exec 3<&-
  wait $pid || echo "$*: exit status $?"
  wait $reader
  { cat lines; [ -z "$fails" ] || echo "failing: boom"; } | LC_ALL=C sort >wanted
  grep '^[1-3][[:space:]]\|^end$\|^failing' got | LC_ALL=C sort >lines_got
  cmp -s lines_got wanted || { echo "$*:"; diff lines_got wanted | head -5; }
}

for world in threads async; do
  run "$MM_BUILD/manymoons" --world $world
  [ "${MM_BUILD##*/}" = release ] || continue
  for lua in lua5.4 lua5.1 luajit; do
    command -v $lua >/dev/null || continue
    folder=${lua#lua}
    [ $lua != luajit ] || folder=5.1
    export MANYMOONS_WORLD=$world LUA_CPATH="$MM_BUILD/lua/$folder/?.so"
    run $lua
  done
  unset MANYMOONS_WORLD LUA_CPATH
done
