-- SPDX-License-Identifier: MIT
-- The task of a broker that a worker's VM runs (mm.task): its id, and what it says about itself, which goes to the
-- daemon by a queue (broker/reports.lua). A sandboxed worker shares no queue with the daemon: there it is silent.
--
-- Progress goes out at most every `PAUSE` seconds, and once more when the task ends; lines go at once. Where the daemon
-- falls behind, lines are left out.
local require, native = ...

local checks = require("core.checks")

local time = native.time

local current = {}

local PAUSE, LINE_MOST, NOTE_MOST = 0.05, 2000, 200

local Task = { __name = "PostedTask" }
Task.__index = Task

local running, queue -- the task of this VM, and where its reports go

local function is_finite(value) return type(value) == "number" and value - value == 0 end

local function put(self, kind, value)
  if queue and running == self then queue:put_nowait({ self._token, kind, value }) end
end

local function put_progress(self)
  local progress = self._unsent
  self._unsent, self._told = nil, time()
  put(self, "progress", progress)
end

-- How far the task is: done of total, and a note.
function Task.progress(self, done, total, note)
  local where = "PostedTask:progress"
  checks.self(self, Task, where)
  checks.expect(is_finite(done), where,
    "argument 1: a number expected, got " .. checks.show(done))
  checks.expect(total == nil or is_finite(total), where,
    "argument 2: a number expected, got " .. checks.show(total))
  checks.expect(note == nil or type(note) == "string", where, "argument 3: a text expected, got " .. type(note))
  self._unsent = { done = done, total = total, note = note and note:sub(1, NOTE_MOST) }
  if time() - self._told >= PAUSE then put_progress(self) end
end

-- A line that is kept with the task.
function Task.log(self, text)
  checks.self(self, Task, "PostedTask:log")
  checks.expect(type(text) == "string", "PostedTask:log", "argument 1: a text expected, got " .. type(text))
  put(self, "line", (text:gsub("[\r\n]+$", ""):gsub("[\r\n]+", " "):sub(1, LINE_MOST)))
end

function Task.__tostring(self) return "PostedTask: " .. self.id end

-- In a worker of `manymoons worker`: where reports go.
function current.set_queue(to) queue = to end

-- token: how the daemon knows it
function current.begin(id, token) running = setmetatable({ id = id, _token = token, _told = -PAUSE }, Task) end

function current.finish()
  if running._unsent then put_progress(running) end
  running = nil
end

function current.task() return running end

return current
