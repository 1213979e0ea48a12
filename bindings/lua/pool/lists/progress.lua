-- SPDX-License-Identifier: MIT
-- The progress of a list: a bar (terminal/bars.lua), or calls of a function, between two steps of the pool as other
-- callbacks, so that it may use the pool. The waiter that takes results does both: no thread, and nothing between two
-- results.
local require, native = ...

local bars = require("terminal.bars")
local checks = require("core.checks")
local dispatcher = require("pool.dispatcher")

local Progress = {}
Progress.__index = Progress

-- Notes the busy seconds of each worker in `by_name`, in which those of ended workers stay; returns the sum.
local function busy_of(pool, by_name)
  for _, worker in ipairs(pool._dispatcher.measures(pool)) do by_name[worker.name] = worker.busy end
  local sum = 0
  for _, busy in pairs(by_name) do sum = sum + busy end
  return sum
end

-- Returns f(now): the share of the workers' time, since the beginning, in which they ran something, as text.
local function busy_share(pool)
  local begun, by_name = native.time(), {}
  local before = busy_of(pool, by_name)
  return function(now)
    local passed = (now - begun) * pool._dispatcher.size(pool)
    local share = passed > 0 and math.max(0, math.min(1, (busy_of(pool, by_name) - before) / passed)) or 0
    return string.format("workers %.0f %% busy", share * 100)
  end
end

-- How many items have an outcome, those that failed and those that were cancelled among them.
function Progress:update(settled, failed, cancelled)
  self.is_whole = settled == self.total and cancelled == 0
  if self.bar then return self.bar:update(settled - cancelled, failed, cancelled) end
  local done = settled - cancelled
  if done > self.done then dispatcher.call_back(self.pool, self.wanted, done, self.total) end
  self.done = done
end

-- Called once at the end of the list, also after an error. is_whole: all items of an iterator are done.
function Progress:finish(is_whole)
  if self.bar then self.bar:close((is_whole or self.is_whole) and "done" or "stopped") end
end

local progress = {}

-- wanted: true or a label (a bar or lines on stderr), or a function(done, total). nil if there is nothing to show.
function progress.new(pool, wanted, total)
  if not wanted then return nil end
  local self = setmetatable({ pool = pool, wanted = wanted, total = total, done = 0, is_whole = total == 0 }, Progress)
  if checks.is_callable(wanted) then return self end
  self.bar = bars.open({ total = total, label = wanted ~= true and wanted or nil, name = pool._config.name,
    facts = busy_share(pool) })
  return self
end

return progress
