#!/bin/sh
# SPDX-License-Identifier: MIT
# When a host program is killed, all its descendants end: pool workers, processes of each start method, their children,
# and the fork server.
set -eu

cat >host.lua <<'END'
local mm = require("manymoons")
local ready = mm.Queue()
local function spin()
  ready:put(true)
  while true do end
end
local pools = { mm.interpreters.Pool(2), mm.processes.Pool(2) }
for _, pool in ipairs(pools) do
  pool:submit(spin)
  pool:submit(spin)
end
for _, method in ipairs{ "fork", "spawn", "forkserver" } do
  local Process = mm.processes.Process
  if method ~= "fork" or arg[1] == "fork" then
    Process{ method = method, target = function()
      Process{ target = spin, daemon = true }:start()
      local inner = require("manymoons").processes.Pool(1)
      inner:submit(spin)
      spin()
    end }:start()
  end
end
for _ = 1, 4 + 3 * (arg[1] == "fork" and 3 or 2) do ready:get() end
print("ready")
io.stdout:flush()
while true do pools[1]:submit(function() end):get() end
END

# Those that inherited the mark in their environment.
marked() { grep -lsa "HOST_MARK=$1" /proc/[0-9]*/environ | cut -d/ -f3 | tr '\n' ' '; }

for methods in fork others; do
  mkfifo said.$methods
  mark=$$.$methods
  HOST_MARK=$mark "$MM_BUILD/manymoons" host.lua $methods >said.$methods &
  host=$!
  read -r line <said.$methods
  [ "$line" = ready ] || echo "the host said '$line'"
  [ "$(marked $mark | wc -w)" -ge 8 ] || echo "$methods: too few processes to begin with: $(marked $mark)"
  kill -KILL $host
  wait $host 2>killed || true
  while [ -n "$(marked $mark)" ]; do sleep 0.1; done # they would compute for ever
done
