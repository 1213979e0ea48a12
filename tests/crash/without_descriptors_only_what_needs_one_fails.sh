#!/bin/sh
# SPDX-License-Identifier: MIT
# With no or few descriptors left, queues, pipes and waits still work, calls that need a descriptor return EMFILE, and
# nothing hangs. Once there are descriptors again, everything works, and none has leaked.
set -eu

cat >work.lua <<'END'
local mm = require("manymoons")
local measures = require("measures")
local spare, method = tonumber(arg[1]), arg[2] ~= "none" and arg[2] or nil

local q, last = mm.Queue(), nil
local function start()
  last = mm.Process({ method = method, target = function() q:put("hi") end })
  last:start()
end
local function map()
  local pool <close> = mm.Pool(2)
  assert(#pool:map(function(x) return x end, { 1, 2 }) == 2)
end
local function finish()
  for _, child in ipairs(mm.active_children()) do assert(child:join()) end
  while q:get_nowait() do end
  last = nil
  collectgarbage()
  collectgarbage()
  return measures.descriptors()
end

start() -- the fork server, where there is one, keeps its descriptors
local before = finish()
local held = {}
repeat
  local file = io.open("/dev/null")
  held[#held + 1] = file
until not file
for _ = 1, spare do table.remove(held):close() end

local here, there = mm.Pipe()
there:send({ q })
local again = here:recv()[1]
assert(again:put(("x"):rep(100000)) and #q:get() == 100000)
assert(mm.wait({ q, here }, 0.001))
mm.JoinableQueue():join()
local fd, why = here:fileno()
assert(fd or why:find("^EMFILE: "), why)
for _, f in ipairs({ start, map }) do
  local ok, message = pcall(f)
  assert(ok or tostring(message):find("cannot start a worker: EMFILE: ", 1, true), message)
  if ok and f == start then
    assert(q:get() == "hi")
    assert(last:join())
    assert(last.exitcode == nil or last.exitcode == 0, last.exitcode)
  end
  assert(q:empty(), "what could not be started has run")
end

here:close()
there:close()
for _, file in ipairs(held) do file:close() end
start()
assert(q:get() == "hi")
map()
fd, here, there, again, held = nil, nil, nil, nil, nil
local after = finish()
assert(after == before, before .. " descriptors before, " .. after .. " after")
END

for spare in 0 1 2 3 4 5 6 7; do
  for how in "threads none" "interpreters none" "processes fork" "processes spawn" "processes forkserver"; do
    # shellcheck disable=SC2086 # two words
    set -- $how
    (
      ulimit -n 24
      LUA_PATH="$MM_TOP/tests/support/?.lua;;" timeout "${MM_HANG:-60}" "$MM_BUILD/manymoons" --world $1 work.lua $spare $2
    ) || echo "$how, $spare to spare: exit status $?"
  done
done
