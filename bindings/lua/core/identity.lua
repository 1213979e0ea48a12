-- SPDX-License-Identifier: MIT
-- The current process: the identity of each thread and worker task of this VM, and the name under which its children,
-- pools and answers are kept.
local require, native = ...

local waits = require("core.waits")

local identity = {}

-- By the thread's key (false for the main one). Settings are read anew where they changed: in a forked child, and in a
-- thread that got the key of an ended one.
local identities = {}

local function read_current()
  local key, new = native.thread(), native.settings()
  local known = identities[key]
  if known and known.settings == new then return known end
  known = { settings = new, parent = new and new.parent }
  known.identity = new and { name = new.name, pid = native.pid(), daemon = new.daemon, world = new.world }
    or { name = "MainProcess", pid = native.pid(), daemon = false }
  identities[key] = known
  return known
end

-- The task that is a worker of the world `async` and of which the caller is a part, if it is.
local function worker_task()
  local task = waits.current_task()
  return task and task.process
end

-- The caller among workers: a task that is a Process or works for a pool, or a thread of this VM.
function identity.execution_context()
  local task = waits.current_task()
  return task and task.process or native.thread()
end

function identity.current() return (worker_task() or read_current()).identity end
function identity.parent() return (worker_task() or read_current()).parent end

-- The caller is `process` from now on; returns what it was before.
function identity.set_current(process)
  local known = worker_task() or read_current()
  local before = known.identity
  known.identity = process
  return before
end

function identity.after_fork() identities = {} end

return identity
