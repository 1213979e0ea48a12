-- SPDX-License-Identifier: MIT
-- variants: release
-- Tasks of a higher priority run before those of a lower one, whatever was posted first, also when they are due later
-- or run again. A worker of several pools gives each its share of its slots, or with
-- --strict the first one all of them.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local json = mm._require("core.json")
local function result_of(id) return mm.result(server.url, id, expect.HANG) end
local function pool_of(name) return mm.Pool{ broker = server.url, name = name } end

local function mark(path, text)
  local file = io.open(path, "a")
  file:write(text, "\n")
  file:close()
  return text
end

-- A task that has the worker's slot until open() is called; it has the slot when this returns.
local gates = 0
local function gate(pool)
  gates = gates + 1
  local begun, go = broker.file("begun" .. gates), broker.file("go" .. gates)
  local id = pool:post(function(first, second)
    assert(io.open(first, "w")):close()
    while not io.open(second) do require("manymoons").sleep(0.005) end
  end, { begun, go })
  broker.eventually("the gate has the slot", function() return io.open(begun) end)
  return function()
    assert(io.open(go, "w")):close()
    result_of(id)
  end
end

-- Posted before there is a worker: functions and names, which are in different streams.
local jobs = pool_of("jobs")
local marks, ids = broker.file("marks"), {}
local order = { 3, 9, 0, 5, 7, 1, 8, 2, 6, 4 }
for i, priority in ipairs(order) do
  ids[i] = jobs:post(mark, { marks, tostring(priority) }, { priority = priority })
end
ids[11] = jobs:post("string:upper", { "x" }, { priority = 9 })
expect.equal(json.decode(broker.run(broker.program .. " pool " .. broker.quote(server.url)
  .. " jobs --json")).waiting, 11)
broker.worker(server, "jobs", "--slots 1")
for i = 1, 11 do result_of(ids[i]) end
expect.equal(broker.lines(marks), { "9", "8", "7", "6", "5", "4", "3", "2", "1", "0" })

-- While a task runs, some wait, come later, and fail once.
local open = gate(jobs)
marks = broker.file("marks2")
ids = {
  jobs:post(mark, { marks, "low" }, { priority = 1 }), jobs:post(mark, { marks, "usual" }),
  jobs:post(mark, { marks, "due" }, { priority = 8, delay = 0.05 }),
  jobs:post(mark, { marks, "high" }, { priority = 9 }),
}
broker.eventually("what was due waits", function()
  return server:cli("xlen 'manymoons:{jobs}:q8:" .. mm._require("broker.settings").abi() .. "'") == "1"
end)
open()
for _, id in ipairs(ids) do result_of(id) end
expect.equal(broker.lines(marks), { "high", "due", "usual", "low" })
ids = jobs:post(function(path)
  local file = io.open(path)
  if not file then io.open(path, "w"):close() error("once") end
  return "again"
end, { broker.file("once") }, { priority = 0, backoff = 0.01 })
expect.equal(result_of(ids), "again")
local cancelled = jobs:post("string:upper", { "x" }, { priority = 2, delay = 3600 })
expect.equal(mm.cancel(server.url, cancelled), true)

-- A worker that waits learns of a priority that is new.
local fresh = pool_of("fresh")
broker.worker(server, "fresh", "--slots 1")
expect.equal(result_of(fresh:post("string:upper", { "a" })), "A")
expect.equal(result_of(fresh:post("string:upper", { "b" }, { priority = 9 })), "B")
expect.equal(result_of(fresh:post("string:upper", { "c" }, { priority = 0 })), "C")
expect.equal(broker.run(broker.program .. " post --priority 7 --wait 60 " .. broker.quote(server.url)
  .. " fresh string.upper d"), "D\n")

-- Shares: three of a for each of b; strictly: all of c before any of d.
local function run_both(first, second, options)
  local a, b = pool_of(first), pool_of(second)
  broker.worker(server, options, "--slots 1")
  for _, pool in ipairs({ a, b, a, b }) do expect.equal(result_of(pool:post("string:upper", { "x" })), "X") end
  local shut, path, list = gate(b), broker.file("marks-" .. first), {}
  for i = 1, 24 do
    list[i] = b:post(mark, { path, second })
    list[24 + i] = a:post(mark, { path, first })
  end
  shut()
  for _, id in ipairs(list) do result_of(id) end
  return broker.lines(path)
end
local ran = run_both("a", "b", "a=3,b=1")
expect.equal(#ran, 48)
local of_b = 0
for i = 1, 24 do of_b = of_b + (ran[i] == "b" and 1 or 0) end
expect.truthy(of_b >= 4 and of_b <= 8, table.concat(ran))
ran = run_both("c", "d", "c,d --strict")
expect.equal(table.concat(ran), ("c"):rep(24) .. ("d"):rep(24))
-- each is registered in both, and a program of one sees it
expect.equal(#json.decode(broker.run(broker.program .. " pool " .. broker.quote(server.url) .. " c --json")).workers, 1)

for words, why in pairs({
  ["--pool a=0"] = "a number", ["--pool a,a"] = "stands there twice", ["--pool a --strict"] = "only with several pools",
  ["--pool a,b%"] = "letters, digits",
}) do
  local said = broker.run(broker.program .. " worker " .. broker.quote(server.url) .. " " .. words)
  expect.truthy(said:find(why, 1, true), said)
end
for _, pool in ipairs({ jobs, fresh }) do pool:terminate() end
