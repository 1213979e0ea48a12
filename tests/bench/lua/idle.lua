-- SPDX-License-Identifier: MIT
-- The private memory of a worker that waits for a message: of an interpreter, the growth of its process; of a process,
-- its own. Usage: idle.lua METHOD COUNT
-- METHOD is fork, spawn or forkserver; the world interpreters ignores it.
local mm = require("manymoons")

local method, count = arg[1], tonumber(arg[2])

local function private_kib(pid)
  local sum = 0
  for line in io.lines(("/proc/%s/smaps_rollup"):format(pid)) do
    sum = sum + (tonumber(line:match("^Private_%a+:%s+(%d+) kB")) or 0)
  end
  return sum
end

local function wait_for_a_message(queue, ready)
  ready:put(true)
  queue:get()
end

local queue, ready = mm.Queue(), mm.Queue()
local function start_worker()
  local worker = mm.Process{ target = wait_for_a_message, args = { queue, ready }, method = method }
  worker:start()
  ready:get()
  return worker
end

local workers = { start_worker() } -- allocates what is needed once
local before = private_kib("self")
for i = 2, count + 1 do workers[i] = start_worker() end

local sum = 0
if mm.current_world() == "interpreters" then
  sum = private_kib("self") - before
else
  for i = 2, count + 1 do sum = sum + private_kib(workers[i].pid) end
end
for _ = 1, count + 1 do queue:put(true) end
for _, worker in ipairs(workers) do worker:join() end
print("memory", sum / count, "KiB")
