-- SPDX-License-Identifier: MIT
-- The supervisor of an actor, in the VM that made it: it starts the worker, and with restart = "always" starts it again
-- after a death, with pauses and a limit as the workers of a pool have them (pool/deaths.lua).
--
-- It looks at the worker while its VM waits (core/maintenance.lua). It holds the actor's life beside the worker as long
-- as it will start another one, so callers wait for that; the life of other actors is the worker's alone. When the VM
-- that made the actor ends, so does the worker, and all callers see it.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local maintenance = require("core.maintenance")
local waits = require("core.waits")
local deaths = require("pool.deaths")
local vm_pipe = require("queues.vm_pipe")
local children = require("worker.children")
local process = require("worker.process")
local starting = require("worker.start")
local server = require("actors.server")

local unpack, time = checks.unpack, native.time

local Supervisor = {}
Supervisor.__index = Supervisor
local supervisors = {} -- of this VM, whose workers are started again: a set

local supervisor = {}

-- The worker --------------------------------------------------------------------------------------------

local function start_worker(self)
  local core, options = self.core, self.options
  local is_local = core.row.objects == "vm"
  local setup = {
    id = core.id, name = core.name, mailbox = core.mailbox, life = self.life, ready = self.ready,
    concurrent = core.concurrent, restarts = core.restarts, is_local = is_local,
  }
  self.process = process.class(core.row.name)({
    target = package.loaded.manymoons._serve_actor,
    args = { n = 3 + options.args.n, setup, is_local and vm_pipe.new_ending() or nil, options.factory,
      unpack(options.args, 1, options.args.n) },
    name = core.name, daemon = true, method = options.method, memory = options.memory, libs = options.libs,
    nice = options.nice, cpus = options.cpus,
  })
  self.process:start()
  children.give(self.process, self.context) -- also where another thread or task of the VM starts it again
  self.was_ready, self.due = false, nil
end

local function worker_of(self) return self.process._worker end

-- Takes what the worker has said: true, an error, or that it has stopped. No task runs meanwhile.
local function hear(self)
  while native.wait_any({ self.ready }, 0)[1] do
    local said = self.ready:get(0)
    if said == true then self.was_ready = true end
    if said == server.STOPPED then self.is_over = true end
    if getmetatable(said) == errors.Error then self.failure = said end
  end
end

-- No worker is started any more.
local function leave(self, why)
  self.is_over = true
  self.core.over = self.core.over or why
  supervisors[self] = nil
  self.life:close()
end

local function report(self, text) diagnostics.report(native.printable(self.core.name) .. ": " .. text) end

-- How long to wait for the next start; nil: there is none.
local function pause_after_death(self)
  local code, failure = worker_of(self):exitcode(), self.failure
  self.last_code, self.failure = code, nil
  deaths.note(self.deaths, self.was_ready, time(), code)
  local verdict = deaths.verdict(self.deaths)
  if failure then report(self, tostring(failure)) end
  if not verdict then return deaths.pause(self.deaths) end
  report(self, "it is not started again: " .. verdict)
end

local function restart(self)
  local ok, why = pcall(start_worker, self)
  if ok then return end
  if waits.is_ending() then error(why, 0) end
  report(self, tostring(why))
  leave(self, "died")
end

local function look_at_dead(self)
  hear(self)
  if self.is_over then return leave(self, "stopped") end
  if self.process._is_ended_by_parent then return leave(self, "died") end
  local pause = pause_after_death(self)
  if not pause then return leave(self, "died") end
  self.due = time() + pause
end

-- Starts the worker again if it has died and its pause is over. → the seconds until the next look; nil: none is needed
function Supervisor.look(self)
  if self.is_over or self.is_looking or not self.core.restarts or self.pid ~= native.pid() then return nil end
  if worker_of(self):is_alive() then return nil end
  self.is_looking = true -- a start may wait
  if not self.due then look_at_dead(self) end
  if not self.is_over and time() >= self.due then restart(self) end
  self.is_looking = false
  return self.due and math.max(0, self.due - time())
end

local function look_at_all()
  local is_active, list = false, {}
  for one in pairs(supervisors) do list[#list + 1] = one end
  for _, one in ipairs(list) do is_active = one:look() ~= nil or is_active end
  if #list == 0 then maintenance.set("actors", nil) end
  return is_active
end

local END_SECONDS = 1

-- The exit code of the worker that died last, which has cut its lines and ends; nil: another process made the actor.
function Supervisor.exit_code(self)
  if self.pid ~= native.pid() then return nil end
  if self.core.restarts then return self.last_code end
  if self.process._closed then return self.process.exitcode end
  worker_of(self):wait(END_SECONDS)
  return worker_of(self):exitcode() or nil
end

-- Starting ----------------------------------------------------------------------------------------------

-- Waits until the worker has said something, or has ended.
local function wait_for_word(self, worker)
  if self.core.row.objects == "vm" then return self.ready:get(starting.SILENCE) end -- it says its end as well
  waits.any({ self.ready, worker }, starting.SILENCE, true)
  return self.ready:get(0)
end

-- What the worker said first; an error if it ended before.
local function await_ready(self)
  local worker, is_reported = worker_of(self), false
  while true do
    local said = wait_for_word(self, worker)
    if said ~= nil and said ~= server.ENDED then return said end
    if not worker:is_alive() or said then
      local text = "before its factory had returned"
      return self.ready:get(0) or errors.died_error(self.core.name, self:exit_code(), text)
    end
    if not is_reported and not worker:has_begun() and time() - self.begun > starting.SILENCE then
      starting.report_silence(self.core.name, self.core.row.name)
      is_reported = true
    end
  end
end

local function check_first(self)
  local said = await_ready(self)
  if said == true then
    self.was_ready = true
    return
  end
  self.process:join()
  leave(self, "died")
  server.raise(said)
end

-- Starts the actor `core` with the life of its workers; raises the error of its factory. life: the workers' end;
-- ready: a queue from them.
function supervisor.start(core, options, life, ready)
  local self = setmetatable({
    core = core, options = options, life = life, ready = ready, pid = native.pid(),
    context = identity.execution_context(), begun = time(), is_over = false,
  }, Supervisor)
  core.supervisor = self
  start_worker(self)
  check_first(self)
  if not core.restarts then
    if core.row.objects == "shared" then life:close() end
    self.options, self.ready = nil, nil
    return
  end
  self.deaths, supervisors[self] = deaths.new(1), true
  maintenance.set("actors", look_at_all)
end

-- After a stop: waits for the worker's end. True; nil and "timeout".
function Supervisor.join(self, timeout)
  if self.pid ~= native.pid() then return true end
  local done, why = self.process:join(timeout)
  if not done then return nil, why end
  leave(self, "stopped")
  return true
end

function supervisor.after_fork() supervisors = {} end

return supervisor
