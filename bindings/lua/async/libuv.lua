-- SPDX-License-Identifier: MIT
-- Tasks together with a libuv loop, that of luv (Debian: lua-luv) or of Neovim, so that tasks can await callbacks of
-- luv (TCP, files, DNS, signals, child processes). Either loop can be the outer one:
--
--   our loop    code outside of tasks waits: the loop also polls libuv's descriptor, and calls uv.run("nowait") after
--               each sleep. Not in Neovim, whose loop may not be run from Lua.
--   libuv's     uv.run or Neovim waits: libuv polls our loop's descriptor, and a libuv timer stands for our first one;
--               their callbacks run tasks. Neither keeps uv.run from returning.
--
-- Only the scheduler of a VM's first thread uses it.
local _, native, scheduler = ...

local BUDGET = 0.005 -- seconds for which a callback of libuv runs tasks

local hosts = {}
local uv -- luv's module, once the script has loaded it
local is_neovim = false
local poll, timer, is_called

local function find()
  local vim = rawget(_G, "vim")
  if type(vim) == "table" and type(vim.schedule) == "function" then
    is_neovim = true
    return vim.uv or vim.loop
  end
  return package.loaded.luv
end

-- libuv's loop is the outer one -----------------------------------------------------------------------

local function arm()
  local seconds = scheduler.seconds_to_sleep(native.time())
  if seconds == math.huge then return timer:stop() end
  timer:start(math.ceil(seconds * 1000), 0, hosts.run)
end

-- Runs tasks, in a callback of libuv.
function hosts.run()
  is_called = false
  if scheduler.is_running() then return end
  local due = native.time() + BUDGET
  repeat scheduler.sleep(0) until not scheduler.has_ready() or native.time() >= due
  if scheduler.has_ready() then hosts.call() else arm() end
end

-- A task can run and our loop does not: makes libuv call back.
function hosts.call()
  if is_called or scheduler.is_running() then return end
  is_called = true
  if is_neovim then rawget(_G, "vim").schedule(hosts.run) else timer:start(0, 0, hosts.run) end
end

local function attach()
  timer, poll = uv.new_timer(), uv.new_poll(scheduler.get_loop():fileno())
  poll:start("r", function() hosts.call() end)
  poll:unref()
  timer:unref()
end

-- Our loop is the outer one ---------------------------------------------------------------------------

-- Whether there is a libuv loop. Called at each turn, because the script may load luv at any time.
function hosts.is_there()
  if uv then return true end
  uv = find()
  if not uv then return false end
  attach()
  return true
end

-- Called before tasks run, so that timers that they start count from now and not from libuv's last reading of the
-- clock.
function hosts.before_steps() uv.update_time() end

-- Runs libuv's pending callbacks.
local function pump()
  if not is_neovim and uv.loop_mode() == nil then uv.run("nowait") end
end

-- Called before our loop sleeps; returns the longest time in seconds, and a descriptor that ends the sleep.
function hosts.before_sleep()
  pump()
  if is_neovim or uv.loop_mode() ~= nil or not uv.loop_alive() then return math.huge end
  local timeout = uv.backend_timeout()
  return timeout < 0 and math.huge or timeout / 1000, uv.backend_fd()
end

function hosts.after_sleep() pump() end

return hosts
