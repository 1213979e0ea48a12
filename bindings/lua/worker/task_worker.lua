-- SPDX-License-Identifier: MIT
-- A task as the worker of a Process or a pool in the world `async`. It has the methods of a worker handle
-- (worker/worker.c), and ends like other workers: with an exit code, and with a report of an uncaught error on stderr.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local schedulers = require("async.init")
local children = require("worker.children")

local unpack, pack = checks.unpack, checks.pack
local TERMINATED, KILLED, FAILED = -15, -9, 1

local Worker = {}
local worker_meta = { __index = Worker, __name = "Worker" }

function Worker.is_alive(self) return self.task.state == nil end
function Worker.has_begun() return true end
function Worker.pid() return native.pid() end
function Worker.sentinel() return nil end

function Worker.exitcode(self)
  local task = self.task
  if not task.state then return nil end
  if task.state == "done" then return 0 end
  return task.exit_code or (task.state == "cancelled" and TERMINATED or FAILED)
end

function Worker.is_caller() return false end -- it ends at its next wait, whatever stops it

function Worker.wait(self, timeout) return schedulers.Task.wait(self.task, timeout) end

local function terminate(self)
  local task = self.task
  if task.state then return end
  task.exit_code = task.exit_code or TERMINATED
  schedulers.cancel(task)
end

local function kill(self)
  local task = self.task
  if task.state then return end
  task.exit_code = task.exit_code or KILLED
  schedulers.stop(task)
end

Worker.terminate, Worker.interrupt = terminate, terminate
Worker.kill, Worker.close = kill, kill

-- For a finalizer, in which no code of the task may run: it ends when its scheduler continues it.
function Worker.abandon(self)
  local task = self.task
  if task.state then return end
  task.exit_code = KILLED
  task.home.cancel_soon(task)
end

-- A source (async/scheduler.lua).
function Worker._is_ready(self) return self.task.state ~= nil end

local function report(worker)
  local task = worker.task
  if task.state ~= "failed" then return end
  diagnostics.write(native.printable(worker.name) .. ": " .. tostring(task.results) .. "\n")
end

-- The body of the task: calls the worker's function, and ends its children after it.
local function live(settings, f, ...)
  f(...)
  for _, handle in ipairs(settings.handles or {}) do handle:close() end
  children.shutdown("join")
end

local function on_end(worker, settings)
  return function()
    if worker.task.state == "done" then return end
    for _, handle in ipairs(settings.handles or {}) do handle:close() end
    children.shutdown("abandon", worker.task)
    report(worker)
  end
end

-- start(settings, nil, f, …) → a worker, as worker_start of worker/worker_start.c
local function start(settings, _, f, ...)
  local args, worker = pack(...), setmetatable({ name = settings.name }, worker_meta)
  local target = f
  if type(f) ~= "function" then target = function(...) return f(...) end end
  local task = schedulers.spawn(function() return live(settings, target, unpack(args, 1, args.n)) end)
  task.name, task.is_worker, task.process, task.is_reported = settings.name, true, task, true
  task.identity = { name = settings.name, pid = native.pid(), daemon = settings.daemon, world = settings.world }
  task.parent = settings.parent
  task.stream, task.context = nil, nil -- those of the task that makes the worker are not for it
  task._waiters = schedulers.new_list()
  worker.task, worker._waiters = task, task._waiters
  schedulers.on_end(task, on_end(worker, settings))
  return worker
end

return { start = start }
