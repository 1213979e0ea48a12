-- SPDX-License-Identifier: MIT
-- variants: release
-- at_most: so many tasks of a function, or with a key, run at once, in all workers. Those behind them wait outside of
-- the stream and keep no slot from others; each gets its turn, whoever is killed, cancelled or given up.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 0 }
local function result_of(id) return mm.result(server.url, id, expect.HANG) end
local function state()
  return mm._require("core.json").decode(broker.run(broker.program .. " pool " .. broker.quote(server.url)
    .. " jobs --json"))
end

local workers = {}
local function start_worker(place) workers[place] = broker.worker(server, "jobs", "--slots 4 --lease 0.6") end
for place = 1, 2 do start_worker(place) end

-- Runs until the gate is open, and writes when it begins and ends.
local function visit(path, gate, n)
  local function note(text)
    local file = io.open(path, "a")
    file:write(text, " ", n, "\n")
    file:close()
  end
  note("begin")
  while gate and not io.open(gate) do require("manymoons").sleep(0.005) end
  note("end")
  return n
end

-- The most that were there at once.
local function most_of(path)
  local count, most = 0, 0
  for _, line in ipairs(broker.lines(path)) do
    count = count + (line:find("^begin") and 1 or -1)
    most = math.max(most, count)
  end
  return most
end

local function begun(path, count) return function() return #broker.lines(path) >= count end end

-- One for a customer: the second customer, and tasks without a key, are not concerned.
local first, second, gate = broker.file("first"), broker.file("second"), broker.file("gate")
local ids = {}
for i = 1, 12 do ids[i] = pool:post(visit, { first, gate, i }, { at_most = 1, key = "customer 1" }) end
broker.eventually("one runs", begun(first, 1))
broker.eventually("the others wait", function() return state().held == 11 end)
for i = 1, 4 do
  expect.equal(result_of(pool:post(visit, { second, nil, i }, { at_most = 1, key = "customer 2" })), i)
end
expect.equal(result_of(pool:post("string:upper", { "free" })), "FREE")
expect.equal(#broker.lines(first), 1)

-- What waits can be cancelled.
expect.equal(mm.cancel(server.url, ids[12]), true)
expect.equal((pcall(result_of, ids[12])), false)
expect.equal(state().held, 10)
assert(io.open(gate, "w")):close()
for i = 1, 11 do expect.equal(result_of(ids[i]), i) end
expect.equal({ #broker.lines(first), most_of(first) }, { 22, 1 })

-- Three of a function. Those that fail, are cancelled while they run, or lost with their worker, make room.
local third, shut = broker.file("third"), broker.file("shut")
local function posts(count, options)
  local list = {}
  for i = 1, count do list[i] = pool:post(visit, { third, shut, i }, options) end
  return list
end
ids = posts(9, { at_most = 3, retries = 100, backoff = 0.01 })
broker.eventually("three run", begun(third, 3))
broker.eventually("six wait", function() return state().held == 6 end)
local running = {}
for _, line in ipairs(broker.lines(third)) do running[tonumber(line:match("%d+"))] = true end
local stopped = next(running)
expect.equal(mm.cancel(server.url, ids[stopped]), true)
broker.eventually("another one runs", begun(third, 4))
for place = 1, 2 do workers[place]:kill() end
server:kill()
server:start()
for place = 1, 2 do start_worker(place) end
broker.eventually("they run again", begun(third, 7))
assert(io.open(shut, "w")):close()
for i = 1, 9 do
  if i ~= stopped then expect.equal(result_of(ids[i]), i) end
end

-- With retries, a rate and later due: each has its own outcome in the end.
local rest = {}
local function fail_once(path)
  if not io.open(path) then io.open(path, "w"):close() error("once") end
  return "again"
end
for i = 1, 8 do
  rest[i] = pool:post(fail_once, { broker.file("once" .. i) },
    { at_most = 2, key = "k", retries = 1, backoff = 0.01, rate = "500/s", delay = i % 2 * 0.02 })
end
for i = 1, 8 do expect.equal(result_of(rest[i]), "again") end
local poison = {}
for i = 1, 3 do poison[i] = pool:post(error, { "no" }, { at_most = 1, key = "k" }) end
for i = 1, 3 do expect.equal((pcall(result_of, poison[i])), false) end
broker.eventually("nothing is left", function()
  return server:cli("--scan --pattern 'manymoons:{jobs}:[klxz]*' | wc -l") == "0"
end)

-- JSON has it, a shell, and a purge.
for place = 1, 2 do
  workers[place]:kill("TERM")
  workers[place]:wait()
end
local worker = broker.worker(server, "jobs", "--slots 2 --json --import string")
for i = 1, 3 do
  server:cli("xadd 'manymoons:{jobs}:q' '*' j " .. broker.quote(
    ('{"id":"j%d","function":"string.upper","args":["x"],"at_most":1,"key":"j"}'):format(i)))
end
for i = 1, 3 do expect.equal(result_of("jobs:j" .. i), "X") end
expect.equal(broker.run(broker.program .. " post --at-most 1 --key c --wait 60 " .. broker.quote(server.url)
  .. " jobs string.upper d"), "D\n")
worker:kill("TERM")
worker:wait()
pool:terminate()
