-- SPDX-License-Identifier: MIT
-- variants: release
-- One task at a time has a key: until it has an outcome, whichever, a second post is told of it. A function with a rate
-- runs so often at once, in all workers, and what comes too early runs later.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local other = mm.Pool{ broker = server.url, name = "jobs" }
local function result_of(id) return mm.result(server.url, id, expect.HANG) end

local function post(options, by) return (by or pool):post("string:upper", { options.unique }, options) end

-- While it waits, or is due later; another key, or none, is not concerned.
local first = post({ unique = "invoice 17" })
expect.equal({ post({ unique = "invoice 17" }, other) }, { first, "duplicate" })
expect.equal({ post({ unique = "invoice 17", delay = 3600 }) }, { first, "duplicate" })
local later = post({ unique = "later", delay = 3600 })
expect.equal({ post({ unique = "later" }) }, { later, "duplicate" })
expect.equal(select("#", post({ unique = "invoice 18" })), 2)
expect.equal(select(2, post({ unique = "invoice 19" })), nil)
expect.equal(server:cli("xlen 'manymoons:{jobs}:q'"), "3")

-- Cancelled, it is free again.
expect.equal(mm.cancel(server.url, later), true)
expect.equal(select(2, post({ unique = "later", delay = 3600 })), nil)

-- Free after its outcome, a result or an error.
local workers = {}
for i = 1, 2 do workers[i] = broker.worker(server, "jobs", "--slots 2") end
expect.equal(result_of(first), "INVOICE 17")
expect.equal(select(2, post({ unique = "invoice 17" })), nil)
local failing = pool:post("string:rep", {}, { unique = "fails", retries = 0 })
expect.equal(pcall(result_of, failing), false)
expect.equal(select(2, post({ unique = "fails" })), nil)

-- Three in an hour, with two workers: three run, the others are due later; what is cancelled among them is gone.
local function limited() return "has run" end
local waiting = "'manymoons:{jobs}:z:" .. mm._require("broker.settings").abi() .. "'"
local ids = {}
for i = 1, 5 do ids[i] = pool:post(limited, {}, { rate = "3/h" }) end
local function count_ended()
  local count = 0
  for i = 1, 5 do count = count + (mm.result(server.url, ids[i], 0) == "has run" and 1 or 0) end
  return count
end
broker.eventually("three have run", function() return count_ended() == 3 end)
broker.eventually("two are due later", function() return server:cli("zcard " .. waiting) == "2" end)
local cancelled = 0
for i = 1, 5 do
  if mm.cancel(server.url, ids[i]) then cancelled = cancelled + 1 end
end
expect.equal(cancelled, 2)
expect.equal(server:cli("zcard " .. waiting), "0")

-- Another function is not concerned, and all have their turn where the rate allows it.
local quick = {}
for i = 1, 30 do quick[i] = pool:post("string:lower", { "N" .. i }, { rate = "20/s" }) end
for i = 1, 30 do expect.equal(result_of(quick[i]), "n" .. i) end

-- Taken while it runs, also once more after its worker and the server were killed.
local marks, go = broker.file("marks"), broker.file("go")
local running = pool:post(function(path, gate)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  while not io.open(gate) do require("manymoons").sleep(0.01) end
  return "done"
end, { marks, go }, { unique = "runs", retries = 50, backoff = 0.01 })
broker.eventually("it runs", function() return #broker.lines(marks) == 1 end)
expect.equal({ post({ unique = "runs" }) }, { running, "duplicate" })
for i = 1, 2 do workers[i]:kill() end
server:kill()
server:start()
expect.equal({ post({ unique = "runs" }) }, { running, "duplicate" })
for _ = 1, 2 do broker.worker(server, "jobs", "--slots 2 --lease 0.6") end
broker.eventually("it runs again", function() return #broker.lines(marks) >= 2 end)
expect.equal({ post({ unique = "runs" }, other) }, { running, "duplicate" })
assert(io.open(go, "w")):close()
expect.equal(result_of(running), "done")
local id, duplicate = post({ unique = "runs" })
expect.equal({ result_of(id), duplicate }, { "RUNS", nil })
expect.equal(broker.run(broker.program .. " post --unique k --delay 60 " .. broker.quote(server.url) .. " jobs x.y"),
  broker.run(broker.program .. " post --unique k " .. broker.quote(server.url) .. " jobs x.y"))
broker.eventually("but for this one and 'later' all keys are free", function()
  return server:cli("--scan --pattern 'manymoons:{jobs}:e:*' | wc -l") == "2"
end)
pool:terminate()
other:terminate()
