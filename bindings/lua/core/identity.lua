-- SPDX-License-Identifier: MIT
-- mm.current_process: the identity of each thread and worker task of this VM.
--
-- Its execution context is the key under which its children, pools and proxies are kept.
local require, native = ...

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
function identity.parent() return (worker_task() or read_current()).parent end

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
