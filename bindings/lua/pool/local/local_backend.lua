-- SPDX-License-Identifier: MIT
-- The common part of the backends with workers in this VM (pool/local/vm_backend.lua,
-- pool/local/serial_backend.lua): kept values and tasks, which are plain Lua objects. Such a backend adds
-- put_task(task) and the functions for workers and results.
--
--   kept         packed values, by place
--   last_place   the place that was given last; last_number: the number of the last task
--   task         see pool/local/vm_runner.lua
local require = ...

local checks = require("core.checks")
local protocol = require("pool.protocol")

local pack = checks.pack

local Backend = {}
local local_backend = { Backend = Backend }

function Backend.watch_globals() end
function Backend.is_current() return true end

function Backend.add_function(self, f)
  local place = Backend.store(self, f)
  return place, place
end

function Backend.store(self, ...)
  self.last_place = self.last_place + 1
  self.kept[self.last_place] = pack(...)
  return self.last_place
end

function Backend.store_slice(self, list, first, last)
  local slice = { n = last - first + 1 }
  for i = first, last do slice[i - first + 1] = list[i] end
  return Backend.store(self, slice)
end

function Backend.drop(self, place) self.kept[place] = nil end
function Backend.defer_drops() end
function Backend.call_state() return { state = "queued" } end
function Backend.return_call_state() end
function Backend.requeue(_, call_state) call_state.state = "queued" end

function Backend.limit() return nil end
function Backend.recover() return nil end

function Backend.cancel(_, call_state)
  if call_state.state ~= "queued" then return false end
  call_state.state = "cancelled"
  return true
end

function Backend.set_base(self, base) self.base = base end
function Backend.next_place() end
function Backend.set_priority() end

local function new_task(self, mode, flags, id, number, call_state)
  self.last_number = self.last_number + 1
  return {
    number = self.last_number, mode = mode, flags = flags, id = id, f = self.kept[number][1], call_state = call_state,
    base = self.base,
  }
end

function Backend.put(self, mode, flags, id, number, _, call_state, ...)
  local task = new_task(self, mode, flags, id, number, call_state)
  task.args = pack(...)
  return self:put_task(task)
end

function Backend.put_slice(self, mode, flags, id, number, _, call_state, list, first, last)
  local task = new_task(self, mode, flags, id, number, call_state)
  task.list, task.first, task.count = list, first, last - first + 1
  return self:put_task(task)
end

function Backend.put_stored(self, mode, flags, id, number, _, call_state, stored, skip)
  local task, kept = new_task(self, mode, flags, id, number, call_state), self.kept[stored]
  if mode == protocol.CALL then
    task.args = kept
  else
    task.list, task.first, task.count, task.skip = kept[1], 1, kept[1].n, skip
  end
  return self:put_task(task)
end

function local_backend.new(meta, fields)
  fields.kept, fields.last_place, fields.last_number = {}, 0, 0
  return setmetatable(fields, meta)
end

return local_backend
