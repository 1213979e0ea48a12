-- SPDX-License-Identifier: MIT
-- What a pool on a broker shows: its workers, which describe themselves with each heartbeat, its
-- depth, its dead letters.
local require = ...

local json = require("core.json")
local broker = require("broker.settings")

local inspect = {}

local SECONDS = 10

local function read_text(text)
  local ok, about = pcall(json.decode, text)
  return ok and type(about) == "table" and about or nil
end

-- The fields that Pool:stats() has everywhere, beside what the worker says.
local function describe(name, about)
  about.name, about.tasks = name, about.done or 0
  for _, field in ipairs({ "pid", "slots", "busy", "running", "startup", "bytes_in", "bytes_out" }) do
    about[field] = tonumber(about[field]) or 0
  end
  about.waiting = math.max(0, (tonumber(about.up) or 0) * about.slots - about.busy)
  return about
end

local function sum_up(names, texts)
  local found = { list = {}, slots = 0, abis = {} }
  for i, name in ipairs(names) do
    local about = texts[i] and read_text(texts[i])
    if about then
      found.list[#found.list + 1] = describe(name, about)
      if not about.is_leaving then found.slots = found.slots + about.slots end
      if about.abi then found.abis[about.abi] = true end
    end
  end
  return found
end

-- on_found{ list =, slots =, abis = } when the broker has answered; never, when the connection
-- breaks.
function inspect.workers(session, on_found)
  session:workers(function(names, texts) on_found(sum_up(names, texts)) end)
end

-- What the workers count, summed up, and the longest of their times.
local function add_workers(all, list)
  for _, field in ipairs({ "done", "failed", "lost", "rate" }) do
    all[field] = 0
    for _, worker in ipairs(list) do all[field] = all[field] + (tonumber(worker[field]) or 0) end
  end
  for _, field in ipairs({ "p50", "p99" }) do
    for _, worker in ipairs(list) do all[field] = math.max(all[field] or 0, tonumber(worker[field]) or 0) end
  end
end

-- The Luas of the workers, and this one.
function inspect.abis(found)
  local abis = { broker.abi() }
  for abi in pairs(found.abis) do
    if abi ~= abis[1] then abis[#abis + 1] = abi end
  end
  return abis
end

-- → name, waiting, running, oldest (seconds), dead, due, paused, workers (a list), slots, done, failed, lost,
--   rate, p50, p99
function inspect.pool(session, name)
  local found
  inspect.workers(session, function(workers) found = workers end)
  local has_come, why = session:await(SECONDS, function() return found end)
  if not has_come then error(why, 0) end
  local abis = inspect.abis(found)
  local all
  all, why = session:depth(abis)
  if not all then error(why, 0) end
  all.name, all.slots, all.workers = name, found.slots, found.list
  add_workers(all, found.list)
  return all
end

return inspect
