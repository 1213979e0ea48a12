-- SPDX-License-Identifier: MIT
-- What tasks say about themselves while they run (broker/current.lua): the daemon takes it out of a queue,
-- and keeps it with the task on the server, the lines of some time together.
local require, native = ...

local json = require("core.json")

local Reports = {}
Reports.__index = Reports

local QUEUE_MOST, PAUSE = 1000, 0.1
local time = native.time

local function add(self, token, kind, value)
  local place, id = token:match("^(%d+) (.*)$")
  local service = self.services[tonumber(place)]
  local task = service and service.tasks.open[id]
  if not task then return end
  local report = self.open[task] or { service = service, lines = {} }
  self.open[task] = report
  if kind == "progress" then
    report.progress = json.encode({ done = value.done, total = value.total, note = value.note, at = os.time() })
  else
    report.lines[#report.lines + 1] = os.date("!%Y-%m-%dT%H:%M:%SZ ") .. value .. "\n"
  end
end

local function send(self, task, report)
  self.open[task] = nil
  if not report.service.is_connected or task.state ~= "running" then return end
  task.has_noted = true
  report.service.session:note(task, report.progress or "", table.concat(report.lines))
end

-- What tasks have said; what they said a while ago goes to the server. → the seconds until it is to be called again, or
-- nil: a wait for the queue would cost each round more than to look while tasks run that may say something.
function Reports.work(self)
  if self.talkers == 0 then return nil end
  for _ = 1, QUEUE_MOST do
    local item = self.queue:get_nowait()
    if not item then break end
    add(self, item[1], item[2], item[3])
  end
  if not next(self.open) then return PAUSE end
  if time() < self.again_at then return self.again_at - time() end
  self.again_at = time() + PAUSE
  for task, report in pairs(self.open) do send(self, task, report) end
  return PAUSE
end

-- A task begins that may say something.
function Reports.begin(self) self.talkers = self.talkers + 1 end

-- It ends: what it has said goes before its outcome.
function Reports.finish(self, task)
  self:work()
  self.talkers = self.talkers - 1
  if self.open[task] then send(self, task, self.open[task]) end
end

return function(services)
  return setmetatable({
    queue = native.queue_new("Queue", QUEUE_MOST, false), services = services, open = {}, again_at = 0, talkers = 0,
  }, Reports)
end
