-- SPDX-License-Identifier: MIT
-- The progress of a list: a bar on a terminal or a line now and then elsewhere, both on stderr; or
-- calls of a function, between two steps of the pool as other callbacks, so that it may use the
-- pool. The waiter that takes results does both: no thread, and nothing between two results.
local require, native = ...

local checks = require("core.checks")
local dispatcher = require("pool.dispatcher")

local BAR_EVERY, LINE_EVERY = 0.1, 5
local BAR_LEAST, BAR_MOST = 10, 40

local Progress = {}
Progress.__index = Progress

local function in_words(seconds)
  if seconds < 60 then return string.format("%.0f s", seconds) end
  if seconds < 3600 then return string.format("%d min %02d s", math.floor(seconds / 60), math.floor(seconds % 60)) end
  return string.format("%d h %02d min", math.floor(seconds / 3600), math.floor(seconds % 3600 / 60))
end

local function rate_in_words(rate)
  if rate >= 1e6 then return string.format("%.1f M/s", rate / 1e6) end
  if rate >= 1e3 then return string.format("%.1f k/s", rate / 1e3) end
  return string.format("%.1f/s", rate)
end

-- The share of the workers' time, since the beginning, in which they ran something.
local function busy_share(self, now)
  local busy = 0
  for _, worker in ipairs(self.pool._dispatcher.measures(self.pool)) do busy = busy + worker.busy end
  local passed = (now - self.begun) * self.pool._dispatcher.size(self.pool)
  return passed > 0 and math.max(0, math.min(1, (busy - self.busy) / passed)) or 0
end

local function facts(self, now)
  local passed = math.max(now - self.begun, 1e-9)
  local rate = self.done / passed
  local text = self.total and string.format("%d/%d", self.done, self.total) or tostring(self.done)
  text = text .. "  " .. rate_in_words(rate)
  if self.total and self.done > 0 and self.done < self.total then
    text = text .. "  " .. in_words((self.total - self.done) / rate) .. " left"
  elseif self.total and self.done == self.total then
    text = text .. "  in " .. in_words(passed)
  end
  return text .. string.format("  workers %.0f %% busy", busy_share(self, now) * 100)
end

local function draw_bar(self, now)
  local text = facts(self, now)
  local room = math.min(BAR_MOST, self.width - #text - 10)
  if self.total and self.total > 0 and room >= BAR_LEAST then
    local filled = math.floor(room * self.done / self.total)
    text = string.format("%3d %% [%s%s] %s", math.floor(100 * self.done / self.total), string.rep("#", filled),
      string.rep(" ", room - filled), text)
  end
  io.stderr:write("\r", text:sub(1, self.width - 1), "\27[K")
  self.is_drawn = true
end

local function write_line(self, now)
  io.stderr:write(native.printable(self.pool._config.name), ": ", facts(self, now), "\n")
end

local function show(self, now)
  self.shown = now
  if self.width then draw_bar(self, now) else write_line(self, now) end
end

function Progress:update(done)
  self.done = done
  if checks.is_callable(self.wanted) then
    dispatcher.call_back(self.pool, self.wanted, done, self.total)
    return
  end
  local now = native.time()
  if now - self.shown >= (self.width and BAR_EVERY or LINE_EVERY) then show(self, now) end
end

-- Called once at the end of the list, also after an error.
function Progress:finish()
  if self.is_over then return end
  self.is_over = true
  if checks.is_callable(self.wanted) then return end
  show(self, native.time())
  if self.is_drawn then io.stderr:write("\n") end
end

local progress = {}

-- wanted: true (a bar or lines on stderr) or a function(done, total). nil if there is nothing to
-- show.
function progress.new(pool, wanted, total)
  if not wanted then return nil end
  local now = native.time()
  local self = setmetatable({
    pool = pool, wanted = wanted, total = total, done = 0, begun = now, shown = now, busy = 0,
    width = native.terminal_width(),
  }, Progress)
  for _, worker in ipairs(pool._dispatcher.measures(pool)) do self.busy = self.busy + worker.busy end
  return self
end

return progress
