-- SPDX-License-Identifier: MIT
-- Starting a worker, for processes and pools of all worlds: its settings, its start method, and the start itself; and
-- what is said of one that does not begin.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local identity = require("core.identity")
local worlds = require("core.worlds")
local log = require("worker.log")

local start = { SILENCE = 5 } -- seconds without a sign of life of a new worker, after which one line says so

local METHODS = { fork = true, spawn = true, forkserver = true }

-- Raises unless `method` is the name of a start method, or nil.
function start.check_method(where, method)
  checks.expect(method == nil or METHODS[method], where,
    "method: 'fork', 'spawn' or 'forkserver' expected, got " .. checks.show(method))
end

-- The method that the program, or its environment, has chosen for its processes; a worker has its parent's.
local chosen = native.settings() and native.settings().start_method

local function default_method()
  if chosen == nil then chosen = native.environment("MANYMOONS_START_METHOD") or false end
  if chosen and not METHODS[chosen] then
    local wrong = chosen
    chosen = false
    error("MANYMOONS_START_METHOD: 'fork', 'spawn' or 'forkserver' expected, got '" .. wrong .. "'", 0)
  end
  return chosen or nil
end

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
    start_method = chosen,
    log = log.level(),
  }
end

local function fork_or_server() return native.may_fork() and native.thread_count() == 1 and "fork" or "forkserver" end

-- The start method. The default is fork only in a process with one thread, because fork copies only the calling
-- thread, and a lock held by another one would stay locked in the child; and only in a host program without windows,
-- sockets or loops, which the child must not use and cannot close. A worker with limits is not forked by default.
function start.method_of(world, wanted, limits)
  local method = worlds.get(world).start
  if method then return method end
  if wanted then return wanted end
  method = default_method() or fork_or_server()
  return limits and method == "fork" and "forkserver" or method
end

-- mm.set_start_method(method): for the processes and pools that start from now on; nil: the default again.
function start.set_start_method(method)
  start.check_method("set_start_method", method)
  chosen = method or false
end

-- mm.get_start_method() → the method of a process that would be started now
function start.get_start_method() return default_method() or fork_or_server() end

-- Says once that a worker has not begun, and how to do without what may hold it: worlds whose workers share or copy
-- this process have the locks of its libraries, too.
function start.report_silence(name, world)
  local way_out = worlds.get(world).start and "the world processes with method = \"spawn\"" or
    "method = \"spawn\", or mm.set_start_method(\"spawn\")"
  diagnostics.report(("%s has shown no sign of life for %d s: a library may hold a lock that it needs; see %s"):format(
    native.printable(name), start.SILENCE, way_out))
end

local function begin(where, ...)
  if ... == "task" then return require("worker.task_worker").start(select(2, ...)) end
  local own = native.settings()
  if own and own.sandbox then checks.fail(where .. ": a sandboxed worker starts no workers") end
  if ... == "thread" then
    require("async.exit")
    native.io_install()
  end
  local ok, worker, why = pcall(native.worker_start, ...)
  if ok and worker then return worker end
  if not ok then checks.fail(where .. ": " .. checks.bare(worker)) end
  if why:find("^ENOSYS") then
    why = "Lua is part of this host program, and no library of the same version is installed to run workers with"
  end
  if why:find("^EOPNOTSUPP") then why = "/proc is not mounted, and nothing else says which program to run" end
  checks.fail(where .. ": cannot start a worker: " .. why)
end

-- start(where, method, settings, rings or nil, f, …) → a worker handle; raises at the caller's caller.
function start.start(where, method, settings, ...)
  local worker = begin(where, method, settings, ...)
  log.say("info", "%s starts, pid %d", settings.name, worker:pid())
  return worker
end

return start
