#!/bin/sh
# SPDX-License-Identifier: MIT
# A worker's standard input is at its end, so no line is lost to the program; a worker outlives the reader of its output;
# and a program that the script writes to sees the end of its input while forked workers live.
set -eu
host=$MM_BUILD/manymoons

cat >lines.lua <<'END'
local mm = require("manymoons")
if arg[1] == "late" then print(io.read("l")) end
for _, method in ipairs({ "fork", "forkserver", "spawn" }) do
  local said = mm.processes.Queue()
  local p = mm.processes.Process({ method = method, args = { said }, target = function(q)
    local first, second = io.read("l"), io.lines()()
    q:put(tostring(first) .. " " .. tostring(second))
  end })
  p:start()
  assert(said:get() == "nil nil", method)
  p:join()
end
for line in io.lines() do print(line) end
END
for when in early late; do
  got=$(printf '1\n2\n3\n4\n' | "$host" lines.lua $when | xargs)
  [ "$got" = "1 2 3 4" ] || echo "$when: the program read '$got'"
done

cat >output.lua <<'END'
local mm = require("manymoons")
local items = {}
for i = 1, 2000 do items[i] = i end
for _, options in ipairs({ { workers = 2 }, { workers = 2, nice = 1 } }) do
  local pids = {}
  local pool = mm.processes.Pool(options)
  for _, pid in ipairs(pool:map(function()
    print(("x"):rep(60))
    return mm.current_process().pid
  end, items, { chunksize = 1 })) do pids[pid] = true end
  local count = 0
  for _ in pairs(pids) do count = count + 1 end
  io.stderr:write(count <= 2 and "" or count .. " workers were needed\n")
end
END
"$host" output.lua | head -n 1 >line
[ -s line ] || echo "no line"

cat >sort.lua <<'END'
local mm = require("manymoons")
local sort = io.popen("sort", "w")
local pool = mm.processes.Pool(2)
sort:write("b\na\n")
assert(pool:apply(function() return 1 end) == 1)
sort:close()
print("closed")
pool:terminate()
END
got=$("$host" sort.lua 2>&1 | xargs)
[ "$got" = "a b closed" ] || echo "$got"
