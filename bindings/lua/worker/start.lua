-- SPDX-License-Identifier: MIT
-- Starting a worker, for processes and pools of all worlds: its settings, its start method, and the start itself.
local require, native = ...

local identity = require("core.identity")
local worlds = require("core.worlds")

local start = {}

-- The settings of a worker: what it has to know about itself and its parent.
function start.settings(world, name, is_daemon)
  local here = identity.current()
  return {
    name = name,
    daemon = is_daemon,
    world = world,
    default_world = worlds.default(),
    path = package.path,
    cpath = package.cpath,
    arg = rawget(_G, "arg"),
    parent = { name = here.name, pid = here.pid },
  }
end

-- The start method. The default is fork only in a process with one thread, because fork copies only the calling
-- thread, and a lock held by another one would stay locked in the child; and only in a host program without windows,
-- sockets or loops, which the child must not use and cannot close.
function start.method_of(world, wanted, limits)
  local method = worlds.get(world).start
  if method then return method end
  if wanted then return wanted end
  return not limits and native.may_fork() and native.thread_count() == 1 and "fork" or "forkserver"
end

-- start(where, method, settings, rings or nil, f, …) → a worker handle; raises at the caller's caller.
function start.start(where, ...)
  if ... == "task" then return require("worker.task_worker").start(select(2, ...)) end
  local own = native.settings()
  if own and own.sandbox then error(where .. ": a sandboxed worker starts no workers", 3) end
  if ... == "thread" then require("async.exit") end
  local worker, why = native.worker_start(...)
  if worker then return worker end
  if why:find("^ENOSYS") then
    why = "Lua is part of this host program, and no library of the same version is installed to run workers with"
  end
  if why:find("^EOPNOTSUPP") then why = "/proc is not mounted, and nothing else says which program to run" end
  error(where .. ": cannot start a worker: " .. why, 3)
end

return start
