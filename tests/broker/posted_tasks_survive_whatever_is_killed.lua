-- SPDX-License-Identifier: MIT
-- variants: release
-- Programs that post, workers and the server are killed while they are busy, again and again: each task of which a
-- program has an id has one outcome, its own, and nothing is left behind.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local q = broker.quote
local script = broker.file("poster.lua")
local file = assert(io.open(script, "w"))
file:write([[
  local mm = require "manymoons"
  local pool = mm.Pool{ broker = arg[1], name = "jobs", retries = 1000 }
  local file = io.open(arg[2], "a")
  for i = 1, math.huge do
    local id = pool:post(function(n, fails)
      if fails and math.random(2) == 1 then error("again") end
      return n * 2
    end, { i, i % 7 == 0 }, {
      backoff = 0.01, delay = i % 5 == 0 and 0.05 or nil, rate = i % 11 == 0 and "999/s" or nil,
    })
    file:write(id, " ", i, "\n")
    file:flush()
    mm.sleep(0.005)
  end
]])
file:close()

local posters, workers, files = {}, {}, {}
local function start_poster(place)
  files[#files + 1] = broker.file("ids" .. #files)
  posters[place] = broker.start(table.concat({ broker.program, script, q(server.url), files[#files] }, " "),
    broker.file("said" .. #files))
end
local function start_worker(place) workers[place] = broker.worker(server, "jobs", "--slots 2 --lease 0.6") end

local function count()
  local sum = 0
  for _, path in ipairs(files) do sum = sum + #broker.lines(path) end
  return sum
end

for place = 1, 2 do
  start_poster(place)
  start_worker(place)
end
for round = 1, 6 do
  local before = count()
  broker.eventually("posts go on", function() return count() >= before + 20 end)
  local place = round % 2 + 1
  if round % 3 == 0 then
    server:kill()
    server:start()
  elseif round % 3 == 1 then
    workers[place]:kill()
    start_worker(place)
  else
    broker.kill(posters[place])
    start_poster(place)
  end
end
for place = 1, 2 do broker.kill(posters[place]) end

local tasks = 0
for _, path in ipairs(files) do
  for line in broker.read_file(path):gmatch("([^\n]*)\n") do -- the last line may not be whole
    local id, n = line:match("^(%S+) (%d+)$")
    expect.equal(mm.result(server.url, id, expect.HANG), 2 * n, id)
    tasks = tasks + 1
  end
end
expect.truthy(tasks >= 120, "there were some")
broker.eventually("nothing is left", function()
  return server:cli("eval " .. q([[
    local sum = 0
    for _, key in ipairs(redis.call('KEYS', 'manymoons:{jobs}:q*')) do sum = sum + redis.call('XLEN', key) end
    for _, key in ipairs(redis.call('KEYS', 'manymoons:{jobs}:z*')) do sum = sum + redis.call('ZCARD', key) end
    return sum]]) .. " 0") == "0"
end)
expect.equal(server:cli("xlen 'manymoons:{jobs}:dead'"), "0")
