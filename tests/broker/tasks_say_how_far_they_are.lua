-- SPDX-License-Identifier: MIT
-- variants: release
-- A posted task knows its id, and says how far it is and what it does; every program and operator sees that while it
-- runs and afterwards, also of a task that was given up. What it says is bounded.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local q = broker.quote
local json = mm._require("core.json")
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 0 }
local function result_of(id) return mm.result(server.url, id, expect.HANG) end
local function shell(words) return broker.run(broker.program .. " pool " .. q(server.url) .. " jobs " .. words) end

expect.equal(mm.task(), nil)
expect.equal((mm.status(server.url, "jobs:nothing")), nil)

local function work(go, most)
  local library = require "manymoons"
  local task = library.task()
  task:log("begins\27[31m")
  for i = 1, most do task:progress(i, most, "step " .. i) end
  while go and not io.open(go) do library.sleep(0.005) end
  task:log("ends\nhere\n")
  return task.id, tostring(task)
end

for i, world in ipairs({ "", "--processes" }) do
  local worker = broker.worker(server, "jobs", "--slots 2 " .. world)
  local go = broker.file("go" .. i)
  local later = pool:post(work, { go, 3 }, { delay = 3600 })
  local about = mm.status(server.url, later)
  expect.equal({ about.state, about.id, about.at > os.time(), #about.log }, { "due", later, true, 0 })
  local id = pool:post(work, { go, 1000 })
  broker.eventually("its progress is seen", function()
    about = mm.status(server.url, id)
    return about.progress and about.log[1]
  end)
  local progress = about.progress -- which of the steps, its pace says
  expect.equal({ about.state, progress.total, progress.note }, { "running", 1000, "step " .. progress.done })
  expect.truthy(about.log[1]:find("^%d+%-%d+%-%d+T%S+Z begins"), about.log[1])
  expect.truthy(about.worker and worker:said():find(about.worker, 1, true), "its worker")
  local text = shell("--task " .. id)
  expect.truthy(text:find("state        running in ", 1, true) and text:find("progress     %d+ of 1000  step %d+\n")
    and text:find("begins\\x1b", 1, true), text)
  assert(io.open(go, "w")):close()
  expect.equal({ result_of(id) }, { id, "PostedTask: " .. id })
  about = mm.status(server.url, id)
  expect.equal({ about.state, about.progress.done, about.progress.note }, { "done", 1000, "step 1000" })
  expect.truthy(about.log[2]:find("ends here$"), about.log[2])
  expect.equal(json.decode(shell("task " .. id .. " --json")).progress.done, 1000)
  expect.equal(mm.cancel(server.url, later), true)
  expect.equal(mm.status(server.url, later).state, "failed")

  -- A call of a pool has an id, too, and says what nobody keeps.
  expect.truthy(pool:apply(work, nil, 5):find("^jobs:%x+%-%d+$"), "an id")
  worker:kill("TERM")
  worker:wait()
end

-- Bounded: the last lines remain, in the record and in a dead letter.
broker.worker(server, "jobs", "--slots 1")
local lost = pool:post(function()
  local library = require "manymoons"
  local task = library.task()
  for i = 1, 400 do
    task:log(i .. (" "):rep(1000))
    library.sleep(0)
  end
  task:log(("x"):rep(1e6))
  error("given up")
end)
expect.equal((pcall(result_of, lost)), false)
local about = mm.status(server.url, lost)
expect.equal(about.state, "failed")
local size = 0
for _, line in ipairs(about.log) do size = size + #line + 1 end
expect.truthy(size <= 16384 and size > 8000, size)
expect.equal(#about.log[#about.log]:match("x+"), 2000)
local list = json.decode(shell("--dead --json"))
expect.truthy(shell("--show " .. list[1].id):find("log          %d.-x+\n$"), "the letter has them")

-- Wrong uses are named, and a task that has ended says nothing more.
local said = {}
for i, code in ipairs({
  "task:progress(1 / 0)", "task:progress(1, 'x')", "task:progress(1, 2, 3)", "task:log(5)", "task.progress(1)",
}) do
  local ok, err = pcall(result_of, pool:post("local task = require('manymoons').task() " .. code))
  said[i] = tostring(err.message)
  expect.equal(ok, false)
end
for i, why in ipairs({
  "PostedTask:progress: argument 1: a number expected", "argument 2: a number expected", "argument 3: a text expected",
  "PostedTask:log: argument 1: a text expected", "PostedTask:progress: a PostedTask expected",
}) do
  expect.truthy(said[i]:find(why, 1, true), said[i])
end
expect.equal(result_of(pool:post("old = require('manymoons').task() return 1")), 1)
expect.equal(result_of(pool:post("old:log('x') old:progress(1) return 2")), 2)
pool:terminate()
