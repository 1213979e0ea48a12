-- SPDX-License-Identifier: MIT
-- A task as a worker: what a Process and a pool of the world `async` have in the place of bindings/worker.c. It has the
-- methods of that, and ends like one: with an exit code, and what is uncaught is told on stderr.
local private, schedulers = ...

local unpack, pack = private.unpack, private.pack
local TERMINATED, KILLED, FAILED = -15, -9, 1

local Worker = {}
local worker_meta = { __index = Worker, __name = "Worker" }

function Worker.is_alive(self) return self.task.state == nil end
function Worker.pid() return private.pid() end
function Worker.sentinel() return nil end

function Worker.exitcode(self)
  local task = self.task
  if not task.state then return nil end
  if task.state == "done" then return 0 end
  return task.exit_code or FAILED
end

function Worker.wait(self, timeout) return schedulers.Task.wait(self.task, timeout) end

local function stop(self, code)
  local task = self.task
  if task.state then return end
  task.exit_code = code
  schedulers.cancel(task)
end

function Worker.terminate(self) stop(self, TERMINATED) end
function Worker.interrupt(self) stop(self, TERMINATED) end
function Worker.kill(self) stop(self, KILLED) end
function Worker.close(self) stop(self, KILLED) end

-- A source (scheduler.lua).
function Worker._is_ready(self) return self.task.state ~= nil end

-- os.exit in a worker ends the worker, and in another task the program.
local exit = os.exit
os.exit = private.seal(function(code, ...)
  local task, rest = schedulers.current(), pack(...)
  if not task then return exit(code, ...) end
  if not task.process then schedulers.exit_program(function() return exit(code, unpack(rest, 1, rest.n)) end) end
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  if type(code) ~= "number" then return exit(code, ...) end
  schedulers.exit(math.floor(code) % 256, task.process)
end)

-- Where a task cannot yield its end is an error, which must not be taken for one of the function's own.
local call_here = private.call_here
local function pass_end(ok, ...)
  if not ok and schedulers.is_ending() then error("interrupted", 0) end
  return ok, ...
end
function private.call_here(...) return pass_end(call_here(...)) end

local function report(worker)
  local task = worker.task
  if task.state ~= "failed" then return end
  io.stdout:flush()
  local err = task.results
  io.stderr:write(worker.name, ": ", tostring(err), "\n")
end

-- The function of a worker, in its task. Its children end with it.
local function live(settings, f, ...)
  f(...)
  for _, handle in ipairs(settings.handles or {}) do handle:close() end
  private.end_children("join")
end

local function on_end(worker, settings)
  return function()
    if worker.task.state == "done" then return end
    for _, handle in ipairs(settings.handles or {}) do handle:close() end
    private.end_children("abandon", worker.task)
    report(worker)
  end
end

-- start_worker(settings, nil, f, …): as worker_start of bindings/worker.c
function schedulers.start_worker(settings, _, f, ...)
  local args, worker = pack(...), setmetatable({ name = settings.name }, worker_meta)
  local target = f
  if type(f) ~= "function" then target = function(...) return f(...) end end
  local task = schedulers.spawn(function() return live(settings, target, unpack(args, 1, args.n)) end)
  task.name, task.is_worker, task.process, task.is_reported = settings.name, true, task, true
  task.who = { name = settings.name, pid = private.pid(), daemon = settings.daemon, world = settings.world }
  task.parent = settings.parent
  task._waiters = schedulers.new_list()
  worker.task, worker._waiters = task, task._waiters
  schedulers.on_end(task, on_end(worker, settings))
  return worker
end
