-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local queues, kept = {}, {}
for i = 1, 1500 do queues[i] = mm.Queue() end
for i = 1, 500 do queues[1500 + i], kept[i] = mm.Pipe() end
local order = mm.Queue()
local writer = mm.Process(function(list, last)
  for n in order:iter() do
    if n > 1500 then last:send(n) else list[n]:put(n) end
  end
end, { [1] = queues[1], [700] = queues[700], [1500] = queues[1500] }, kept[500])
writer:start()
for _, n in ipairs({ 1, 700, 1500, 2000 }) do
  order:put(n)
  local ready = mm.wait(queues, expect.HANG)
  expect.equal(#ready, 1)
  expect.equal(ready[1], queues[n])
  expect.equal((n > 1500 and ready[1]:recv() or n <= 1500 and ready[1]:get()), n)
end

-- A wait sleeps: the waiting thread is found asleep many times in a row.
local looker = mm.Process(function(queue, pid)
  local function is_asleep()
    local file = assert(io.open("/proc/" .. pid .. "/task/" .. pid .. "/stat"))
    local state = file:read("*a"):match("%) (%a)")
    file:close()
    return state == "S"
  end
  local in_a_row = 0
  while in_a_row < 50 do
    in_a_row = is_asleep() and in_a_row + 1 or 0
    mm.sleep(0.001)
  end
  queue:put("asleep")
end, queues[1500], ("%d"):format(mm._native.pid()))
looker:start()
expect.equal(mm.wait(queues, expect.HANG), { queues[1500] })
expect.equal(queues[1500]:get(), "asleep")
looker:join()
expect.equal({ mm.wait(queues, 0.01) }, { {}, "timeout" })

-- No event is missed while several threads wait for the same things.
local answers = mm.Queue()
local waiters = {}
for i = 1, 5 do
  waiters[i] = mm.Process(function(x, y)
    while true do
      local ready = mm.wait({ x, y })
      local v, why = ready[1]:get_nowait()
      if v then answers:put(v) elseif why == "closed" then return end
    end
  end, queues[2], queues[3])
  waiters[i]:start()
end
for n = 1, 400 do queues[2 + n % 2]:put(n) end
local sum = 0
for _ = 1, 400 do sum = sum + answers:get(expect.HANG) end
expect.equal(sum, 400 * 401 / 2)
queues[2]:close()
queues[3]:close()
for i = 1, 5 do expect.equal(waiters[i]:join(expect.HANG), true) end
order:close()
writer:join()
