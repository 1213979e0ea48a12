#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that exits, also by an error, joins its workers, terminates daemons and ends its pools.
set -eu

cat >script.lua <<'END'
local mm = require("manymoons")
local started = mm.Queue()
mm.Process(function()
  started:put(true)
  for _ = 1, 10 do mm.sleep(0.01) end
  local f = io.open("joined", "w")
  f:write("joined")
  f:close()
end):start()
mm.Process{ daemon = true, target = function()
  started:put(true)
  while true do end
end }:start()
local pool = mm.Pool(2)
for _ = 1, 2 do
  pool:submit(function()
    started:put(true)
    while true do end
  end)
end
for _ = 1, 4 do started:get() end
if arg[1] == "error" then error("the end") end
if arg[1] == "exit" then os.exit(5, true) end
END

for world in interpreters processes; do
  for how in return:0 error:1 exit:5; do
    rm -f joined
    status=0
    timeout "${MM_HANG:-60}" "$MM_BUILD/manymoons" --world $world script.lua "${how%:*}" >out 2>err || status=$?
    [ $status = "${how#*:}" ] || { echo "$world $how: exit status $status"; cat err; }
    [ "$(cat joined 2>/dev/null)" = joined ] || echo "$world $how: the child was not joined"
    [ "${how%:*}" = error ] || [ ! -s err ] || { echo "$world $how: output on stderr:"; cat err; }
  done
done
