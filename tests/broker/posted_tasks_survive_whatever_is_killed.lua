-- SPDX-License-Identifier: MIT
-- variants: release
-- Programs that post, workers and the server are killed while they are busy, again and again: each task of which a
-- program has an id has one outcome, its own, and nothing is left behind. So it is with tasks that come later, fail,
-- have a rate, a priority or a place among few, and say how far they are, in two pools that the workers share.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local q = broker.quote
local script = broker.file("poster.lua")
local file = assert(io.open(script, "w"))
file:write([[
  local mm = require "manymoons"
  local pools = {}
  for i, name in ipairs({ "jobs", "more" }) do
    pools[i] = mm.Pool{ broker = arg[1], name = name, retries = 1000 }
  end
  local file = io.open(arg[2], "a")
  for i = 1, math.huge do
    local id = pools[i % 2 + 1]:post(function(n, fails)
      local task = require("manymoons").task()
      task:progress(n)
      task:log("here")
      if fails and math.random(2) == 1 then error("again") end
      return n * 2
    end, { i, i % 7 == 0 }, {
      backoff = 0.01, delay = i % 5 == 0 and 0.05 or nil, rate = i % 11 == 0 and "999/s" or nil,
      priority = i % 3 == 0 and i % 10 or nil, at_most = i % 4 == 0 and 1 + i % 3 or nil,
      key = i % 8 == 0 and "k" .. i % 5 or nil,
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
local function start_worker(place) workers[place] = broker.worker(server, "jobs=2,more", "--slots 2 --lease 0.6") end

local function count()
  local sum = 0
  for _, path in ipairs(files) do sum = sum + #broker.lines(path) end
  return sum
end

for place = 1, 2 do
  start_poster(place)
  start_worker(place)
end
local round, ends = 0, mm.time() + (tonumber(os.getenv("SECONDS")) or 0) -- `make prove` does it for minutes
while round < 6 or mm.time() < ends do
  round = round + 1
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
    for _, key in ipairs(redis.call('KEYS', 'manymoons:{*}:q*')) do sum = sum + redis.call('XLEN', key) end
    for _, kind in ipairs({ 'z', 'k:', 'l:', 'x' }) do
      sum = sum + #redis.call('KEYS', 'manymoons:{*}:' .. kind .. '*')
    end
    return sum]]) .. " 0") == "0"
end)
for _, name in ipairs({ "jobs", "more" }) do
  expect.equal(server:cli("xlen 'manymoons:{" .. name .. "}:dead'"), "0")
end
