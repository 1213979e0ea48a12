-- SPDX-License-Identifier: MIT
-- Queues, pools and futures on a broker, used wrongly in each way of tests/support/wrong_uses.lua: the message begins
-- with the script's file and line, and names the function as the script wrote it. Each closes twice.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"
local wrong_arguments = require "wrong_arguments"
local wrong_uses = require "wrong_uses"

local list, unpack, try, note = wrong_uses.list, wrong_uses.unpack, wrong_uses.try, wrong_uses.note

local server = broker.server()
broker.worker(server, "jobs", "--processes --slots 1")
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local future = pool:submit(math.abs, -1)
expect.equal(future:get(expect.HANG), 1)
local things = {
  Pool = pool, Future = future, Queue = mm.Queue{ broker = server.url, name = "q" },
  JoinableQueue = mm.JoinableQueue{ broker = server.url, name = "j" },
}
local lock = mm.Lock()
local rows = wrong_arguments.functions

local right = { ["Pool:dead"] = true, ["Pool:retry"] = true, ["Pool:join"] = true } -- on a broker, or once it is closed

local function check_method(class, method, wrong)
  local thing, name = things[class], class .. ":" .. method
  local f, beginnings = thing[method], { name .. "[: ]", class .. ": ", "Queue:" .. method .. ": a Queue expected" }
  for _, self in ipairs({ 5, "x", {}, print, io.stdout, lock }) do
    note(try, beginnings, f, list(self), name .. " of another thing")
  end
  note(try, beginnings, f, list(), name .. " of nothing")
  if right[name] then return end
  for _, args in ipairs(wrong or {}) do note(try, beginnings, f, list(thing, unpack(args, 1, args.n))) end
end

for name, wrong in pairs(rows) do
  local class, method = name:match("^(%w+):([%w_]+)$")
  if things[class] then check_method(class, method, wrong) end
end
for name in pairs(rows) do
  local method = name:match("^Queue:([%w_]+)$")
  if method then check_method("JoinableQueue", method, rows[name]) end
end
note(try, "Pool:retry: ", pool.retry, list(pool, 5))
note(try, "Pool:join: ", pool.join, list(pool))
note(try, "Pool: ", mm.Pool, list({ broker = server.url }))
note(try, "Queue: ", mm.Queue, list({ broker = server.url }))
note(try, "SimpleQueue: ", mm.SimpleQueue, list({ broker = server.url, name = "s", maxsize = 1 }))

local function leave(handle) getmetatable(handle).__close(handle) end
for _, class in ipairs({ "Queue", "JoinableQueue" }) do
  local q = things[class]
  q:put(1)
  leave(q)
  q:close()
  leave(q)
  expect.equal({ q:get() }, { 1 })
  expect.equal({ q:get() }, { nil, "closed" })
  expect.equal({ q:put(2) }, { nil, "closed" })
end
future:close()
future:close()
leave(future)
note(try, "Future:get: ", future.get, list(future))
pool:close()
pool:close()
note(try, "Pool:submit: ", pool.submit, list(pool, math.abs, 1))
leave(pool)
pool:terminate()
wrong_uses.finish()
