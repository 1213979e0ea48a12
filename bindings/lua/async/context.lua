-- SPDX-License-Identifier: MIT
-- Values that follow tasks, as Python's contextvars: a task has those of the task that spawned it, as they were then;
-- those that it sets are seen by it and by the tasks that it spawns later.
--
-- task.context is a table from contexts to values that nothing changes: `set` makes another one.
local require, native = ...

local checks = require("core.checks")
local schedulers = require("async.init")

local expect = checks.expect

local outer = {} -- the same of code outside of tasks, by thread

function schedulers.context_outside() return outer[native.thread()] end

local NIL = {} -- stands for nil

local Context = {}
local context_meta = { __index = Context, __name = "Context", __mm_send = false }

local function values_here()
  local task = schedulers.current()
  if task then return task.context, task end
  return outer[native.thread()], nil
end

local function set_values(task, values)
  if task then task.context = values else outer[native.thread()] = values end
end

local function get(self)
  local values = values_here()
  local value = values and values[self]
  if value == nil then return self._default end
  if value == NIL then return nil end
  return value
end

local function set(self, value)
  local before, task = values_here()
  local values = {}
  for context, other in pairs(before or {}) do values[context] = other end
  if value == nil then value = NIL end
  values[self] = value
  set_values(task, values)
end

function Context.get(self)
  checks.self(self, context_meta, "Context:get")
  return get(self)
end

function Context.set(self, value)
  checks.self(self, context_meta, "Context:set")
  set(self, value)
end

local function finish(self, value, ok, ...)
  set(self, value)
  if not ok then error((...), 0) end
  return ...
end

-- with(value, f, …) → the results of f(…), in which the context has that value.
function Context.with(self, value, f, ...)
  checks.self(self, context_meta, "Context:with")
  expect(checks.is_callable(f), "Context:with", "argument 2: a function expected, got " .. type(f))
  local before = get(self)
  set(self, value)
  return finish(self, before, pcall(f, ...))
end

function context_meta.__tostring(self) return "Context: " .. tostring(get(self)) end

-- context(default): a value that follows tasks.
return function(default) return setmetatable({ _default = default }, context_meta) end
