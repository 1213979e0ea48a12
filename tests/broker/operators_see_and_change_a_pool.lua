-- SPDX-License-Identifier: MIT
-- variants: release
-- `manymoons pool`: what was given up shows its function, place, arguments, attempts and traceback, runs again under a
-- signature of its own, is edited, or goes; a pool is paused and resumed; what waits is cancelled, one by one or all at
-- once.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local q = broker.quote
local json = mm._require("core.json")

local function shell(words)
  return (broker.run(broker.program .. " pool " .. q(server.url) .. " jobs " .. words):gsub("%s+$", ""))
end

local function state() return assert(json.decode(shell("--json"))) end
local function result_of(id) return mm.result(server.url, id, expect.HANG) end
local function fails(id) return not pcall(result_of, id) end

-- Without a worker: what waits and what is due later shows, and can be cancelled.
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 1 }
local waiting = pool:post("string:upper", { "waits" })
local closure = pool:post(function() return waiting end)
local later = pool:post("string:upper", { "later" }, { delay = 3600 })
local call = pool:submit("string:lower", "CALL")
expect.equal(call:ready(), false)
broker.eventually("all wait", function() return state().waiting == 3 end)
expect.equal(state().due, 1)
expect.equal(shell("cancel " .. waiting), "cancelled")
expect.equal(shell("--cancel " .. waiting), "it has its outcome")
expect.truthy(shell("--cancel jobs:nothing"):find("there is no task"))
expect.equal(shell("--purge"), "3 tasks cancelled")
expect.equal(state().waiting + state().due, 0)
for _, id in ipairs({ waiting, closure, later }) do expect.truthy(fails(id), id) end
local ok, err = pcall(call.get, call, expect.HANG)
expect.equal({ ok, err.kind }, { false, "cancelled" })

-- Paused: nothing is fetched, what is posted waits.
local worker = broker.worker(server, "jobs", "--slots 2 --processes")
expect.equal(shell("pause"), "")
expect.equal(state().paused, true)
expect.truthy(shell(""):find(", paused;", 1, true))
-- The worker knows it with the look after which it moves the first of these, and a fetch of before has ended when it
-- moves the second.
local markers = {}
for i = 1, 2 do
  markers[i] = pool:post("string:upper", { "marker" }, { delay = 0.01 })
  broker.eventually("it is in its stream", function() return server:cli("zcard 'manymoons:{jobs}:z'") == "0" end)
end
local held = pool:post("string:upper", { "held" })
expect.equal({ mm.result(server.url, held, 0.3) }, { nil, "timeout" })
expect.truthy(state().waiting >= 1, "it waits")
expect.equal(shell("--resume"), "")
expect.equal(result_of(held), "HELD")
for i = 1, 2 do expect.equal(result_of(markers[i]), "MARKER") end

-- Dead letters.
local go = broker.file("go")
local function fail_until(path, text, list)
  local file = io.open(path)
  if not file then error("no moon for " .. text .. " in " .. #list) end
  file:close()
  return text
end
local lost = pool:post(fail_until, { go, "Mars\27[31m", { 1, 2 } }, { backoff = 0.01 })
expect.truthy(fails(lost))
local hidden = pool:post(fail_until, { go, "Venus", {} }, { retries = 0, secret = true })
expect.truthy(fails(hidden))
local died = pool:post(function() os.exit(7) end, {}, { retries = 0 })
expect.truthy(fails(died))
expect.equal(state().dead, 3)
local list = json.decode(shell("--dead --json"))
expect.equal(#list, 3)
local text = shell("--show " .. list[1].id)
for _, part in ipairs({
  "task         " .. lost, "function     ", "operators_see_and_change_a_pool.lua:", 'Mars\\x1b[31m", {1, 2}',
  "attempt 1 ", "attempt 2 ", "no moon for Mars", "stack traceback", "in function 'error'",
}) do
  expect.truthy(text:find(part, 1, true), part .. " in\n" .. text)
end
expect.truthy(not text:find("attempt 3") and not text:find("\27"), text)
local shown = json.decode(shell("show " .. list[1].id .. " --json"))
expect.equal({ shown.task, #shown.attempts, shown.attempts[2].who == list[1].who }, { lost, 2, true })
text = shell("--show " .. list[2].id)
expect.truthy(text:find("arguments    hidden", 1, true), text)
expect.truthy(list[3].why:find("exit code 7", 1, true), list[3].why)
expect.truthy(shell("--show 1-1"):find("there is no dead letter 1-1", 1, true))

-- Again, with an id of its own; by what they say; and gone.
assert(io.open(go, "w")):close()
text = shell("--retry " .. list[1].id)
local again = text:match("jobs:%x+%-1")
expect.equal(result_of(again), "Mars\27[31m")
expect.truthy(again ~= lost and fails(lost), "the first has its outcome")
text = shell("retry all --match 'no moon'")
expect.equal(result_of(text:match("jobs:%x+%-1")), "Venus")
expect.equal(state().dead, 1)
expect.equal(shell("--delete all --match 'no moon'"), "0 dead letters deleted")
expect.equal(shell("--delete " .. list[3].id), "1 dead letter deleted")
expect.equal(state().dead, 0)

-- Edited: it stays a letter, with its time and attempts, and runs again with the new arguments.
local broken = pool:post("string:rep", { "x" }, { retries = 1, backoff = 0.01 })
expect.truthy(fails(broken))
list = json.decode(shell("--dead --match string:rep --json"))
expect.equal(#list, 1)
shown = json.decode(shell("--show " .. list[1].id .. " --json"))
local edited = shell("--edit " .. list[1].id .. " --args '\"ab\", 1 + 1'"):match("^%S+  (%S+)\n1 dead letter edited$")
expect.truthy(edited and edited ~= list[1].id, "it has another id")
local now = json.decode(shell("--show " .. edited .. " --json"))
expect.equal(now.arguments, '"ab", 2')
expect.equal({ now.at, now.task, #now.attempts, now.why }, { shown.at, shown.task, 2, shown.why })
expect.equal(result_of(shell("--retry " .. edited):match("jobs:%x+%-1")), "abab")
expect.truthy(shell("--edit " .. edited .. " --args 1"):find("there is no dead letter", 1, true))
expect.truthy(shell("--edit 1-1 --args 'print('"):find("--args: ", 1, true))
expect.truthy(shell("--edit 1-1"):find("needs --args", 1, true))
expect.truthy(shell("--edit 1-1 --args io.stdout"):find("there is no dead letter", 1, true))

-- Cancelled by their function: those that wait, come later, wait for a place, and run.
local function hang() while true do require("manymoons").sleep(0.01) end end
local keep = pool:post("string:lower", { "KEEP" }, { delay = 3600 })
local doomed = {
  pool:post("table:concat", { {} }, { delay = 3600 }),
  pool:post("table:concat", { {} }, { delay = 3600, priority = 9 }),
  pool:post(hang, {}, { at_most = 1 }), pool:post(hang, {}, { at_most = 1 }),
}
broker.eventually("one runs, one waits for a place", function() return state().held == 1 and state().running == 1 end)
expect.equal(shell("--cancel all --match table:concat"), "2 tasks cancelled")
expect.equal(shell("cancel all --match operators_see_and_change"), "2 tasks cancelled")
for _, id in ipairs(doomed) do expect.truthy(fails(id), id) end
expect.equal(state().due, 1)
expect.equal(mm.cancel(server.url, keep), true)
expect.truthy(shell("--cancel all"):find("only with --match", 1, true))

-- One that came as JSON keeps its id, and runs in a worker that imports its module.
worker:kill("TERM")
worker:wait()
local PLAIN = "--slots 1 --json --import "
worker = broker.worker(server, "jobs", PLAIN .. "string")
server:cli("xadd 'manymoons:{jobs}:q' '*' j " .. q('{"id":"j1","function":"math.floor","args":[2.5]}'))
expect.truthy(fails("jobs:j1"))
list = json.decode(shell("dead --json"))
expect.truthy(shell("show " .. list[1].id):find("arguments    2.5", 1, true))
worker:kill("TERM")
worker:wait()
broker.worker(server, "jobs", PLAIN .. "math")
edited = shell("--edit all --match math --args 4.5"):match("  (%S+)\n")
expect.truthy(shell("retry " .. edited):find("jobs:j1", 1, true))
expect.equal(result_of("jobs:j1"), 4)

-- Schedules are listed; wrong words are named.
pool:schedule("nightly", "30 2 * * *", "string:upper", { "x" })
expect.truthy(shell("--schedules"):find("^nightly +30 2 %* %* %* +%d+%-%d%d%-%d%dT02:30:00Z  string:upper$"), "listed")
for words, why in pairs({
  ["--pause --resume"] = "exclude each other", ["--show"] = "needs an id", ["--puase"] = "did you mean '--pause'?",
  ["--show 5 --match x"] = "--match: only", frob = "unexpected 'frob'",
}) do
  expect.truthy(shell(words):find(why, 1, true), words)
end
pool:terminate()
