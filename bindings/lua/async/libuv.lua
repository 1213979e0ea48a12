-- SPDX-License-Identifier: MIT
-- Tasks beside the loop of libuv, which luv (Debian: lua-luv) gives a script and Neovim has itself: so that what luv
-- calls back (TCP, files, DNS, signals, children) can be awaited.
--
--   our loop in front   a wait of code outside of tasks runs tasks, and libuv's loop as well: our sleep polls its
--                       descriptor besides, and uv.run("nowait") follows. Not in Neovim, whose loop may not be run from
--                       Lua.
--   libuv's in front    while uv.run, or Neovim, waits: libuv polls our loop's descriptor, and a timer of it stands for
--                       our first one; each lets tasks run. Neither keeps uv.run from ending.
--
-- A part of the scheduler of a VM's first thread.
local _, native, scheduler = ...

local BUDGET = 0.005 -- seconds that tasks may take of libuv's loop at a time

local hosts = {}
local uv -- libuv, once the script uses it
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

-- libuv's in front ------------------------------------------------------------------------------------

local function arm()
  local seconds = scheduler.seconds_to_sleep(native.time())
  if seconds == math.huge then return timer:stop() end
  timer:start(math.ceil(seconds * 1000), 0, hosts.run)
end

-- Lets tasks run, from a callback of libuv.
function hosts.run()
  is_called = false
  if scheduler.is_running() then return end
  local due = native.time() + BUDGET
  repeat scheduler.sleep(0) until not scheduler.has_ready() or native.time() >= due
  if scheduler.has_ready() then hosts.call() else arm() end
end

-- Something can run, and our loop does not.
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

-- Our loop in front -----------------------------------------------------------------------------------

-- Whether there is a loop of libuv; looked for at each turn, for the script may load luv at any time.
function hosts.is_there()
  if uv then return true end
  uv = find()
  if not uv then return false end
  attach()
  return true
end

-- Tasks are going to run: timers that they start count from now on, not from when libuv last looked at the clock.
function hosts.before_steps() uv.update_time() end

-- Runs what libuv has to do.
local function pump()
  if not is_neovim and uv.loop_mode() == nil then uv.run("nowait") end
end

-- Before our loop sleeps: for how many seconds at most it may, and a descriptor that ends the sleep.
function hosts.before_sleep()
  pump()
  if is_neovim or uv.loop_mode() ~= nil or not uv.loop_alive() then return math.huge end
  local timeout = uv.backend_timeout()
  return timeout < 0 and math.huge or timeout / 1000, uv.backend_fd()
end

function hosts.after_sleep() pump() end

return hosts
