-- SPDX-License-Identifier: MIT
-- variants: release
-- A task that is JSON, put in by the clients in docs/how-to/post-tasks.md: it runs a function that the worker
-- imports, with data, and no other; its outcome is JSON, and has one, as that of every posted task.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local q = broker.quote
local NO_SECRET = "env -u HOME -u XDG_STATE_HOME LUA_PATH=" .. q(broker.file("?.lua") .. ";;")

local function write_file(name, text)
  local file = assert(io.open(broker.file(name), "w"))
  file:write(text)
  file:close()
  return broker.file(name)
end

write_file("moons.lua", [[
  local M = {}
  function M.count(planet, extra) return #planet + (extra or 0), { planet, "moon" } end
  function M.fail(text) error(text) end
  function M.mark(path)
    local file = io.open(path, "a")
    file:write("run\n")
    file:close()
    local count = 0
    for _ in io.lines(path) do count = count + 1 end
    if count == 1 then require("manymoons").sleep(3600) end
    return "done"
  end
  function M.unwritable() return print end
  return M
]])

local function put(fields)
  return server:cli("xadd 'manymoons:{jobs}:q' '*' j " .. q(fields))
end

local function outcome(id)
  return broker.eventually(id .. " has an outcome", function()
    local text = server:cli("hget 'manymoons:{jobs}:t:" .. id .. "' v")
    return text ~= "" and text
  end)
end

local function result_of(id) return mm.result(server.url, "jobs:" .. id, expect.HANG) end

-- What was put in before there is a worker runs as well; twice with one id runs once.
local runs = broker.file("runs")
put('{"id":"early","function":"moons:mark","args":["' .. runs .. '"],"backoff":0.05,"retries":50}')
put('{"id":"early","function":"moons:mark","args":["' .. runs .. '"],"backoff":0.05}')
local worker = broker.worker(server, "jobs", "--slots 2 --import moons", NO_SECRET)
broker.eventually("it runs", function() return #broker.lines(runs) == 1 end)
worker:kill() -- and another worker has it then
worker = broker.worker(server, "jobs", "--slots 2 --lease 0.6 --import moons", NO_SECRET)
expect.equal(outcome("early"), '{"ok":true,"results":["done"]}')
expect.equal(result_of("early"), "done")
worker:kill("TERM")
worker:wait()
worker = broker.worker(server, "jobs", "--slots 2 --import moons", NO_SECRET)

-- The two clients.
local page = broker.read_file((os.getenv("MM_TOP") or os.getenv("MM_BUILD"):gsub("/build/.*$", ""))
  .. "/docs/how-to/post-tasks.md")
local clients = { { "python3", "python", "post.py" }, { "node", "javascript", "post.js" } }
for _, row in ipairs(clients) do
  local code = assert(page:match("```" .. row[2] .. "\n(.-)```"), row[2])
  expect.truthy(select(2, code:gsub("\n", "")) <= 40, row[3] .. " is short")
  if broker.run("command -v " .. row[1]) ~= "" then
    local command = table.concat({ row[1], write_file(row[3], code), server.socket, "jobs" }, " ")
    expect.equal((broker.run(command .. " moons.count Jupiter"):gsub("%s", "")),
      '{"ok":true,"results":[7,["Jupiter","moon"]]}')
    expect.truthy(broker.run(command .. " os.execute true"):find("may not import 'os'", 1, true), row[3])
  end
end

-- Errors, results that are no JSON, and what is no task.
put('{"id":"bad","function":"moons.fail","args":["no \\"moon\\""],"retries":1,"backoff":0.01}')
local ok, err = pcall(result_of, "bad")
expect.equal(ok, false)
expect.truthy(err.message:find('no "moon"', 1, true) and err.kind == "error", err.message)
put('{"id":"print","function":"moons.unwritable"}')
expect.truthy(outcome("print"):find("cannot be written as JSON", 1, true))
for id, row in pairs({
  os = { '"function":"os.execute","args":["true"]', "may not import 'os'" },
  inner = { '"function":"moons:_G.os.execute"', "has no function" },
  none = { '"args":[]', "function: " }, list = { '"function":"moons.count","args":5', "args: a list" },
  times = { '"function":"moons.count","retries":-1', "retries: " },
  extra = { '"function":"moons.count","prio":1', "prio: no such field" },
}) do
  put('{"id":"' .. id .. '",' .. row[1] .. "}")
  expect.truthy(outcome(id):find(row[2], 1, true), outcome(id))
end
for _, text in ipairs({ "nothing", "[]", "{}", '{"id":5}', '{"id":"a b"}', '{"id":"' .. ("x"):rep(80) .. '"}' }) do
  put(text)
end
broker.eventually("they are gone", function() return server:cli("xlen 'manymoons:{jobs}:q'") == "0" end)

-- Later, and cancelled before.
put('{"id":"later","function":"moons.count","args":["Mars"],"delay":0.3}')
put('{"id":"never","function":"moons.count","args":["Mars"],"delay":3600}')
expect.truthy(outcome("later"):find("[4,", 1, true))
broker.eventually("it waits", function() return server:cli("zcard 'manymoons:{jobs}:z'") == "1" end)
expect.equal(mm.cancel(server.url, "jobs:never"), true)
expect.truthy(outcome("never"):find('"kind":"cancelled"', 1, true))

-- A worker with a secret takes them only where it says so.
worker:kill("TERM")
worker:wait()
worker = broker.worker(server, "jobs", "--slots 1 --import moons", "env LUA_PATH=" .. q(broker.file("?.lua") .. ";;"))
put('{"id":"refused","function":"moons.count","args":["Mars"]}')
expect.truthy(outcome("refused"):find("not signed", 1, true))
worker:kill("TERM")
worker:wait()
broker.worker(server, "jobs", "--slots 1 --import moons --json", "env LUA_PATH=" .. q(broker.file("?.lua") .. ";;"))
put('{"id":"taken","function":"moons.count","args":["Mars"]}')
expect.truthy(outcome("taken"):find("[4,", 1, true))
