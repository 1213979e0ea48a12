#!/bin/sh
# SPDX-License-Identifier: MIT
# A worker's standard input is at its end, so no line is lost to the program; a worker outlives the reader of its output;
# and a program that the script writes to sees the end of its input while forked workers live.
set -eu
host=$MM_BUILD/manymoons

cat >lines.lua <<'END'
local mm = require("manymoons")
if arg[1] == "late" then print(io.read("*l")) end
local function read(q)
  local all = { tostring(io.read("*l")), tostring((io.lines()())), io.read("*a"), tostring(io.stdin:read(1)) }
  q:put(table.concat(all, " "))
end
local function check(world, method)
  local said = world.Queue()
  local p = world.Process({ method = method, args = { said }, target = read })
  p:start()
  local text = said:get()
  assert(text == "nil nil  nil", (method or "interpreter") .. ": " .. text)
  p:join()
end
for _, method in ipairs({ "fork", "forkserver", "spawn" }) do check(mm.processes, method) end
check(mm.interpreters)
for line in io.lines() do print(line) end
END
read_by() {
  got=$(printf '1\n2\n3\n4\n' | "$@" | xargs)
  [ "$got" = "1 2 3 4" ] || echo "$*: the program read '$got'"
}
for when in early late; do
  read_by "$host" lines.lua $when
  case $MM_BUILD in */asan) continue ;; esac # the sanitizer would have to be in the host
  LUA_CPATH="$MM_BUILD/lua/5.4/?.so;;" read_by lua5.4 lines.lua $when
  LUA_CPATH="$MM_BUILD/lua/5.1/?.so;;" read_by luajit lines.lua $when
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
