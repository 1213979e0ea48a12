-- SPDX-License-Identifier: MIT
-- mm.progress: a bar around the items of a loop.
local require = ...

local bars = require("terminal.bars")
local checks = require("core.checks")

local Progress = {}
Progress.__index = Progress

local progress = {}

local function read_items(source)
  if checks.is_callable(source) then return source end
  checks.expect(type(source) == "table", "progress", "argument 1: a list or an iterator expected, got " .. type(source))
  local at, count = 0, checks.length(source, "progress", "argument 1")
  return function()
    at = at + 1
    if at <= count then return source[at] end
  end, count
end

local function is_closable(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__close ~= nil
end

local function end_loop(self, state)
  if self._is_over then return end
  self._is_over = true
  self._bar:close(state)
  local closing = self._closing
  self._closing = nil
  if closing then getmetatable(closing).__close(closing, nil) end
end

local function step(self, item, ...)
  if item == nil then
    end_loop(self, "done")
    return nil
  end
  self._given = self._given + 1
  return item, ...
end

-- An item has ended when the loop asks for the next one.
function Progress:__call()
  if self._is_over then return nil end
  self.done = self._given
  self._bar:update(self.done)
  return step(self, self._next())
end

function Progress:close()
  checks.self(self, Progress, "Progress:close")
  end_loop(self, "stopped")
end

Progress.__close = function(self) end_loop(self, "stopped") end
Progress.__tostring = function(self)
  return ("Progress: %.0f%s"):format(self.done, self.total and ("/%.0f"):format(self.total) or "")
end
Progress.__name = "Progress"

local option_names = { total = true, label = true }

-- progress(list or iterator [, total [, label [, closing]]]) → an iterator over the items, with a bar until the loop
-- ends. The second argument may be { total =, label = }. `closing`: what the loop closes at its end, as the fourth
-- value of Lua's own iterators.
function progress.progress(source, total, label, closing)
  local items, count = read_items(source)
  if type(total) == "table" then
    checks.check_options(total, option_names, "progress")
    total, label = total.total, total.label
  end
  if total == nil then total = count end
  checks.expect(total == nil or checks.is_whole(total, 0), "progress",
    "total: a whole number, 0 or more, expected, got " .. checks.show(total))
  checks.expect(label == nil or type(label) == "string", "progress", "label: a string expected, got " .. type(label))
  local self = setmetatable({ _next = items, _closing = is_closable(closing) and closing or nil, total = total,
    done = 0, label = label, _given = 0 }, Progress)
  self._bar = bars.open({ total = total, label = label, name = "progress" })
  return self, nil, nil, self
end

return progress
