-- SPDX-License-Identifier: MIT
-- variants: release asan
-- Lists of closures leave no functions behind on the server; two clients may need the same one; a client that is killed
-- leaves functions that expire.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
broker.worker(server, "jobs", "--slots 2 --lease 1")

local function functions()
  local list = {}
  for key in server:cli("--scan --pattern 'manymoons:{jobs}:[fu]:*'"):gmatch("%S+") do list[#list + 1] = key end
  return list
end

local pool = mm.Pool{ broker = server.url, name = "jobs" }
for round = 1, 30 do
  local offset = round * 1000
  expect.equal(pool:map(function(x) return x + offset end, { 1, 2, 3 }), { offset + 1, offset + 2, offset + 3 })
end
broker.eventually("functions of lists that are done are gone", function()
  pool:apply("return 1")
  return #functions() <= 4
end)

-- The same closure of two clients: the end of one takes nothing from the other.
local function closure(number) return function(x) return x * number end end
local other = mm.Pool{ broker = server.url, name = "jobs" }
local shared = closure(7)
local first, second = pool:imap(shared, { 1, 2, 3, 4 }), other:map_async(shared, { 1, 2, 3 })
expect.equal(second:get(expect.HANG), { 7, 14, 21 })
other:terminate()
local got = {}
for value in first do got[#got + 1] = value end
expect.equal(got, { 7, 14, 21, 28 })
expect.equal(pool:map(shared, { 5 }), { 35 })
-- Again and again in turn, also with functions that are kept.
local function add(x) return x + 1 end
local function double(x) return 2 * x end
for i = 1, 10 do
  expect.equal(pool:map(add, { i }), { i + 1 })
  expect.equal(pool:map(double, { i }), { 2 * i })
end
pool:terminate()
broker.eventually("a pool that ends leaves no function", function() return #functions() == 0 end)

-- A program that is killed.
local program = broker.file("program.lua")
local file = assert(io.open(program, "w"))
file:write([[
  local mm = require "manymoons"
  local pool = mm.Pool{ broker = arg[1], name = "jobs" }
  local number = 5
  pool:map_async(function(x)
    while true do require("manymoons").sleep(0.01 * number * x) end
  end, { 1, 2, 3 })
  while true do mm.sleep(0.1) end
]])
file:close()
local pid = broker.start(broker.program .. " " .. program .. " " .. server.url, broker.file("said"))
broker.eventually("its function is there", function() return #functions() == 2 end)
broker.kill(pid)
for _, key in ipairs(functions()) do
  local seconds = tonumber(server:cli("ttl " .. broker.quote(key)))
  expect.truthy(seconds > 0 and seconds <= 3600, key .. " expires")
end
