#!/bin/sh
# SPDX-License-Identifier: MIT
# What `print` wrote to a file or a pipe is there, however the process ends: as with `lua`.
set -eu

cat >script.lua <<'END'
local mm = require("manymoons")
local function pid()
  local file = io.open("/proc/self/stat")
  local number = file:read("*n")
  file:close()
  return number
end
if arg[1] == "worker" then
  local worker = mm.processes.Process(function()
    print("printed")
    os.execute("kill -KILL " .. pid())
  end)
  worker:start()
  worker:join()
else
  print("printed")
  os.execute("kill -" .. arg[1] .. " " .. pid())
end
END

for how in TERM KILL worker; do
  "$MM_BUILD/manymoons" script.lua $how >file 2>/dev/null || true
  { "$MM_BUILD/manymoons" script.lua $how 2>/dev/null || true; } | cat >pipe
  for got in file pipe; do
    [ "$(cat $got)" = printed ] || echo "$how, to a $got: '$(cat $got)'"
  done
done
