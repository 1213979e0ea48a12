-- SPDX-License-Identifier: MIT
-- variants: release asan
-- What was posted runs, and has one outcome, whatever becomes of the program, the worker and the server; any
-- program can ask for it, or cancel it, by its id.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local q = broker.quote

local function write_file(name, text)
  local path = broker.file(name)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

local function result_of(id) return mm.result(server.url, id, expect.HANG) end

-- A program that ends in the way that its last argument says, at once after its last post. Its stdout has the ids.
local poster = write_file("poster.lua", [[
  local mm = require "manymoons"
  local pool = mm.Pool{ broker = arg[1], name = arg[2], retries = 5 }
  for i = 1, 5 do
    io.stdout:write(pool:post(function(path, n)
      local file = io.open(path, "a")
      file:write("run\n")
      file:close()
      return n * n, "square"
    end, { arg[3], i }, { backoff = 0.05 }), "\n")
    io.stdout:flush()
  end
  if arg[4] == "kill" then os.execute("kill -9 " .. mm.current_process().pid) end
  if arg[4] == "exit" then os.exit(3) end
  if arg[4] == "terminate" then pool:terminate() end
]])

local function post_and_end(how, runs)
  local said = broker.run(table.concat({ broker.program, poster, q(server.url), "jobs", runs, how }, " "))
  local ids = {}
  for id in said:gmatch("jobs:%x+%-%d+") do ids[#ids + 1] = id end
  expect.equal(#ids, 5)
  return ids
end

local all, runs = {}, broker.file("runs")
for _, how in ipairs({ "return", "exit", "kill", "terminate" }) do
  for _, id in ipairs(post_and_end(how, runs)) do all[#all + 1] = id end
end
expect.equal({ mm.result(server.url, all[1], 0) }, { nil, "timeout" })
server:kill() -- nothing that was posted is lost with it
server:start()
local worker = broker.worker(server, "jobs", "--slots 2")
for i, id in ipairs(all) do
  expect.equal({ result_of(id) }, { ((i - 1) % 5 + 1) ^ 2, "square" })
  expect.equal({ result_of(id) }, { ((i - 1) % 5 + 1) ^ 2, "square" })
end
expect.equal(#broker.lines(runs), #all)

-- A worker that is killed in the middle: the task runs elsewhere, and has one outcome.
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local marks = broker.file("marks")
local id = pool:post(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  file = io.open(path)
  local count = select(2, file:read("*a"):gsub("\n", ""))
  file:close()
  if count == 1 then require("manymoons").sleep(3600) end
  return "done"
end, { marks }, { backoff = 0.05, retries = 50 })
broker.eventually("it runs", function() return #broker.lines(marks) == 1 end)
worker:kill()
worker = broker.worker(server, "jobs", "--slots 2 --lease 0.6")
expect.equal(result_of(id), "done")
expect.truthy(#broker.lines(marks) >= 2, "it ran again")
worker:kill("TERM")
worker:wait()
worker = broker.worker(server, "jobs", "--slots 2")

-- Errors: tried again, then given up, with a dead letter and the error's own traceback.
local tries = broker.file("tries")
id = pool:post(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  error("no such moon")
end, { tries }, { retries = 2, backoff = 0.01 })
local ok, err = pcall(result_of, id)
expect.equal(ok, false)
expect.equal(err.kind, "error")
expect.truthy(err.message:find("no such moon", 1, true), err.message)
expect.truthy(tostring(err):find("in post, worker ", 1, true), tostring(err))
expect.truthy(err.traceback:find("traceback"), err.traceback)
expect.equal(#broker.lines(tries), 3)
expect.equal(#pool:dead(), 1)
expect.truthy(pool:dead()[1].why:find("no such moon", 1, true))

-- One that succeeds at last has its result, and leaves no dead letter.
local third = broker.file("third")
id = pool:post(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  local count = 0
  for _ in io.lines(path) do count = count + 1 end
  if count < 3 then error("not yet") end
  return count
end, { third }, { retries = 2, backoff = 0.01 })
expect.equal(result_of(id), 3)
expect.equal(#pool:dead(), 1)

-- Cancelled: before it runs, while it runs, and after.
worker:kill("TERM")
worker:wait()
id = pool:post(math.abs, { -1 })
expect.equal(mm.cancel(server.url, id), true)
expect.equal(mm.cancel(server.url, id), false)
ok, err = pcall(result_of, id)
expect.equal(ok, false)
expect.equal(err.kind, "cancelled")
expect.equal(server:cli("xlen 'manymoons:{jobs}:q'"), "0")
broker.worker(server, "jobs", "--slots 1 --lease 0.6")
local begun = broker.file("begun")
id = pool:post(function(path)
  io.open(path, "a"):close()
  while true do require("manymoons").sleep(0.01) end
end, { begun })
broker.eventually("it runs", function() return io.open(begun) end)
expect.equal(mm.cancel(server.url, id), true)
id = pool:post("string:upper", { "free again" })
expect.equal(result_of(id), "FREE AGAIN")
expect.equal(mm.cancel(server.url, id), false)

-- What is not known, and what is not kept.
local function is_unknown(name)
  local value, why = mm.result(server.url, name, 0)
  return value == nil and why:find("^ENOENT: there is no task") ~= nil
end
expect.truthy(is_unknown("jobs:" .. ("0"):rep(24) .. "-1"))
expect.equal(select("#", mm.cancel(server.url, "jobs:nothing")), 2)
id = pool:post(math.abs, { -1 }, { ttl = 0 })
broker.eventually("the outcome is gone", function() return is_unknown(id) end)

-- Later: it is not there before, and it can be cancelled until then; a time that is over is now.
id = pool:post(math.abs, { -2 }, { delay = 3600 })
expect.equal({ mm.result(server.url, id, 0) }, { nil, "timeout" })
expect.equal(server:cli("zcard 'manymoons:{jobs}:z'"), "1")
expect.equal(mm.cancel(server.url, id), true)
expect.equal(server:cli("zcard 'manymoons:{jobs}:z'"), "0")
expect.equal(result_of(pool:post(math.abs, { -3 }, { delay = 0.2 })), 3)
expect.equal(result_of(pool:post(math.abs, { -4 }, { at = os.time() - 5 })), 4)
local at = os.time() + 3600
id = pool:post(function(x) return x + 1 end, { 4 }, { at = at })
local later = q("manymoons:{jobs}:z:" .. mm._require("broker.settings").abi())
expect.equal(server:cli("zrange " .. later .. " 0 -1 withscores"), id:match(":(.*)") .. "\n" .. at .. "000")
expect.equal(mm.cancel(server.url, id), true)

-- From a shell.
local function shell(words) return (broker.run(broker.program .. " post " .. words):gsub("%s+$", "")) end
local url = q(server.url)
id = shell(url .. " jobs string.upper moon")
expect.equal(result_of(id), "MOON")
expect.equal(shell("--wait 60 " .. url .. " jobs '(...) .. \"!\"' hello"), "hello!")
expect.equal(shell("--wait 60 --json " .. url .. " jobs 'local a, b = ... return a.x + b, {b}' '{\"x\":40}' 2"),
  "42\n[2]")
expect.truthy(shell("--wait 60 --retries 0 " .. url .. " jobs 'error(\"oh\")'"):find("oh", 1, true))
expect.truthy(shell(url .. " jobs 'return return'"):find("try --help", 1, true))
expect.truthy(shell("--wiat 5 " .. url .. " jobs x"):find("did you mean '--wait'?", 1, true))

-- Wrong uses, and pools that have no server.
expect.raises("not on a broker", mm.Pool(1).post, mm.Pool(1), math.abs, {})
expect.raises("Pool:post: argument 1", pool.post, pool, 5)
expect.raises("Pool:post: retries", pool.post, pool, math.abs, {}, { retries = -1 })
expect.raises("Pool:post: at: only without delay", pool.post, pool, math.abs, {}, { at = 1, delay = 1 })
expect.raises("result: argument 2", mm.result, server.url, "jobs")
pool:terminate()
