-- SPDX-License-Identifier: MIT
-- variants: release
-- The server's clock jumps, an hour ahead and back: leases that were good are not, keys expire before their time, and
-- some tasks run twice; each has one outcome all the same.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local library = broker.file("shifted_clock.so")
local said = broker.run("cc -shared -fPIC -o " .. library .. " $MM_TOP/tests/support/shifted_clock.c")
expect.equal(said, "")

local clock = broker.file("clock")
local function set_clock(offset)
  local file = assert(io.open(clock .. ".new", "w"))
  file:write(offset, "\n")
  file:close()
  assert(os.rename(clock .. ".new", clock))
end

set_clock("0")
local server = broker.server("", "env LD_PRELOAD=" .. library .. " SHIFTED_CLOCK=" .. clock)
for _ = 1, 2 do broker.worker(server, "jobs", "--slots 2 --lease 1") end
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 20 }
local outcomes, done = {}, 0
local futures = {}
local function submit(number)
  futures[number] = pool:submit(function(x)
    require("manymoons").sleep(0.02)
    return x * 2
  end, number)
  futures[number]:on_done(function(future)
    done = done + 1
    outcomes[number] = (outcomes[number] or 0) + 1
    expect.equal(future:get(), number * 2)
  end)
end

local function time_of_server() return tonumber(server:cli("time"):match("%d+")) end

local count = 0
for _, offset in ipairs({ "4000", "0", "90000", "-3600" }) do
  for _ = 1, 60 do
    count = count + 1
    submit(count)
  end
  broker.eventually("some are done", function()
    futures[count]:wait(0.05)
    return done > count - 40
  end)
  local before = time_of_server()
  set_clock(offset)
  broker.eventually("the clock has jumped", function() return math.abs(time_of_server() - before) > 1000 end)
end
for number = 1, count do expect.equal(futures[number]:get(expect.HANG), number * 2) end
broker.eventually("all were told", function()
  futures[count]:ready()
  mm.sleep(0.06)
  return done == count
end)
for number = 1, count do expect.equal(outcomes[number], 1) end
pool:close()
expect.equal(pool:join(expect.HANG), true)
