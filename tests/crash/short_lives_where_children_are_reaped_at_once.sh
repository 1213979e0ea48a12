#!/bin/sh
# SPDX-License-Identifier: MIT
# If SIGCHLD is ignored the kernel reaps a child as soon as it ends, perhaps before the host has waited for it; the exit
# code is known all the same.
set -eu

cat >script.lua <<'END'
local mm = require("manymoons")
for i = 1, 200 do
  local p = mm.processes.Process{ method = arg[1], target = function() os.exit(i % 7) end }
  p:start()
  assert(p:join())
  assert(p.exitcode == i % 7, p.exitcode)
end
END

for method in fork spawn forkserver; do
  env --ignore-signal=CHLD "$MM_BUILD/manymoons" script.lua $method || echo "$method: exit status $?"
done
