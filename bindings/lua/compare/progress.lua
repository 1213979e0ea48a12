-- SPDX-License-Identifier: MIT
-- The progress of manymoons compare, on stderr if that is a terminal: a bar, the run that is under way, and how long
-- the rest will take, from the runs so far.
local require, native = ...

local measure = require("compare.runs")

local BAR = 20

local function in_words(seconds)
  if seconds < 60 then return string.format("%.0f s", seconds) end
  return string.format("%d min %02d s", math.floor(seconds / 60), math.floor(seconds % 60))
end

local function label_of(cell)
  local parts = { cell.world }
  if cell.lua then parts[#parts + 1] = "Lua " .. cell.lua end
  if cell.workers then parts[#parts + 1] = cell.workers .. " workers" end
  if cell.chunks then parts[#parts + 1] = "chunks of " .. cell.chunks end
  return table.concat(parts, ", ")
end

local function write_line(width, ...) io.stderr:write("\r", table.concat({ ... }):sub(1, width - 1), "\27[K") end

-- The seconds that are left: those of the rounds that are certain; with --runs auto there may be more.
local function left_of(self, done, total, is_open)
  if done == 0 then return "" end
  local left = (native.time() - self.began) / done * math.max(total - done, 0)
  if left < 0.5 and is_open then return "until the interval is narrow" end
  return "about " .. in_words(left) .. " left"
end

local function draw(self, cell, round, cells)
  local rounds, is_open = measure.rounds(self.plan)
  local total = (rounds + self.plan.warmup) * #cells
  local done = self.done
  self.done = done + 1
  local filled = math.floor(BAR * math.min(done / total, 1))
  local what = round < 1 and "warming up" or "run " .. round
  write_line(self.width, "[", ("#"):rep(filled), (" "):rep(BAR - filled), "] ", done, is_open and "/" or " of ", total,
    is_open and "+ " or " ", label_of(cell), ": ", what, "  ", left_of(self, done, total, is_open))
end

-- Returns show(cell, round, cells), for measure.run_all, or show(cell), for measure.record_all, and hide().
return function(plan)
  local width = native.terminal_size()
  if not width then return function() end, function() end end
  local self = { plan = plan, width = width, began = native.time(), done = 0 }
  local function show(cell, round, cells)
    if round then return draw(self, cell, round, cells) end
    write_line(width, label_of(cell), ": recording a timeline")
  end
  return show, function() io.stderr:write("\r\27[K") end
end
