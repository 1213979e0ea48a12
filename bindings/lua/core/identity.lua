-- SPDX-License-Identifier: MIT
-- mm.current_process: the identity of each thread and worker task of this VM; and mm.parent_process, its parent.
--
-- Its execution context is the key under which its children, pools and proxies are kept.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")

local identity = {}

-- Identity of each thread, by its key (false for the main one). An entry is made again when the settings have changed:
-- in a forked child, and in a thread that has the key of an ended one.
local identities = {}

local function read_current()
  native.settle_fork()
  local key, new = native.thread(), native.settings()
  local known = identities[key]
  if known and known.settings == new then return known end
  known = { settings = new, parent = new and new.parent }
  known.identity = new and { name = new.name, pid = native.pid(), daemon = new.daemon, world = new.world }
    or { name = "MainProcess", pid = native.pid(), daemon = false }
  identities[key] = known
  return known
end

-- The worker of the world `async` to which the calling task belongs, or nil.
local function worker_task()
  local task = waits.current_task()
  return task and task.process
end

-- The caller's worker: a task that is a Process or a pool worker, or else the thread.
function identity.execution_context()
  local task = waits.current_task()
  return task and task.process or native.thread()
end

function identity.current() return (worker_task() or read_current()).identity end

-- The parent of the caller -------------------------------------------------------------------------------

local Parent = {}
local parent_meta = { __index = Parent, __name = "ParentProcess" }

-- Seconds between two looks of a wait that no worker sees the end of: a worker ends before its parent, or with it.
local LOOK_EVERY = 0.05

local known_parents = setmetatable({}, { __mode = "k" }) -- ParentProcess by what its worker's settings say of it

function identity.parent()
  local parent = (worker_task() or read_current()).parent
  if not parent then return nil end
  known_parents[parent] = known_parents[parent] or setmetatable({ name = parent.name, pid = parent.pid }, parent_meta)
  return known_parents[parent]
end

local function is_alive(self) return self.pid == native.pid() or native.process_is_alive(self.pid) end

function Parent.is_alive(self)
  checks.self(self, parent_meta, "ParentProcess:is_alive")
  waits.give_turn()
  return is_alive(self)
end

-- Whether the wait of the caller for that parent has an end: a parent terminates its daemons, and waits for all others.
local function has_end(self)
  local here, own = identity.current(), identity.parent()
  if here.daemon and not here.is_call then return true end
  return self.pid ~= native.pid() and not (own and own.pid == self.pid)
end

function Parent.join(self, timeout)
  checks.self(self, parent_meta, "ParentProcess:join")
  timeout = checks.timeout(timeout, "ParentProcess:join")
  if not timeout and not has_end(self) then
    errors.raise_kind("deadlock",
      "ParentProcess:join: would wait for ever: the parent waits for this worker; give a timeout")
  end
  local ends = timeout and native.time() + timeout or math.huge
  while is_alive(self) do
    local left = ends - native.time()
    if left <= 0 then return nil, "timeout" end
    waits.sleep(math.min(left, LOOK_EVERY))
  end
  return true
end

function parent_meta.__tostring(self) return "ParentProcess: " .. native.printable(self.name) end

identity.parent_meta = parent_meta

-- Changes --------------------------------------------------------------------------------------------------

-- Makes `process`, whose parent is `parent`, the identity of the caller; returns the two before.
function identity.set_current(process, parent)
  local known = worker_task() or read_current()
  local before, before_parent = known.identity, known.parent
  known.identity, known.parent = process, parent
  return before, before_parent
end

-- The name of a task or a thread that waits, for the others of a deadlock.
native.set_waiter_namer(function()
  local task = waits.current_task()
  return task and task:_name() or identity.current().name
end)

function identity.after_fork() identities = {} end

return identity
