-- SPDX-License-Identifier: MIT
-- patch_socket: the methods of luasocket's objects, and of LuaSec's, wait as this library does. A task is suspended
-- alone; outside of tasks the VM's lock is left. So does all that is written for luasocket (socket.http, smtp, ftp).
--
-- luasocket waits in C. Each patched method has the object's own wait turned off (settimeout(0)), tries, and where it
-- would wait, waits for the descriptor and tries again. The times that the script has set are kept here. A name is
-- looked up by a thread of this program (native.look_up).
--
-- The program asks for it: this is the one place where methods of others are replaced.
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")
local async = require("async.async")

local time = native.time

local luasocket = {}

-- object → { block = seconds for each wait or nil, total = seconds for a call or nil }
local times = setmetatable({}, { __mode = "k" })

local CLASSES = { "tcp{master}", "tcp{client}", "tcp{server}", "udp{connected}", "udp{unconnected}",
  "unixstream{master}", "unixstream{client}", "unixstream{server}",
  "unix{master}", "unix{client}", "unix{server}", "SSL:Connection" }
local is_patched = {} -- table of methods → true

-- How long a call may take, from now: a function that gives the seconds left for its next wait; false: none are.
local function limits(object)
  local set = times[object]
  local due = set.total and time() + set.total
  return function()
    if set.block and set.block <= 0 then return false end
    if not due then return set.block end
    local left = due - time()
    if left <= 0 then return false end
    return set.block and math.min(set.block, left) or left
  end
end

local WRITES = { wantwrite = true, connect = true, send = true }

-- Whether it became ready in time.
local function wait_for(object, what, left)
  local seconds = left()
  if seconds == false then return false end
  return async.wait_fd(object:getfd(), WRITES[what] and "w" or "r", seconds) == true
end

local function would_wait(err) return err == "timeout" or err == "wantread" or err == "wantwrite" end

-- receive(pattern, prefix): what has come is the prefix of the next try.
local function receiving(receive)
  return function(object, pattern, prefix)
    local left = limits(object)
    while true do
      local data, err, partial = receive(object, pattern or "*l", prefix or "")
      if data or not would_wait(err) then return data, err, partial end
      prefix = partial
      if not wait_for(object, err, left) then return nil, "timeout", partial end
    end
  end
end

-- send(data, first, last)
local function sending(send)
  return function(object, data, first, last)
    local left = limits(object)
    first = first or 1
    while true do
      local sent, err, done = send(object, data, first, last or -1)
      if sent or not would_wait(err) then return sent, err, done end
      first = done + 1
      if not wait_for(object, err == "timeout" and "send" or err, left) then return nil, "timeout", done end
    end
  end
end

-- accept(), dohandshake(), and those of datagrams: tried again as they are.
local function trying(method, what)
  return function(object, ...)
    local left = limits(object)
    while true do
      local result, err, more = method(object, ...)
      if result or not would_wait(err) then return result, err, more end
      if not wait_for(object, err == "timeout" and what or err, left) then return nil, "timeout" end
    end
  end
end

-- One address: a connect that has begun is over when another one says so.
local function connect_to(connect, object, left, ...)
  local ok, err = connect(object, ...)
  while not ok and (would_wait(err) or err == "Operation already in progress") do
    if not wait_for(object, "connect", left) then return nil, "timeout" end
    ok, err = connect(object, ...)
    if err == "already connected" then return 1 end
  end
  return ok, err
end

local function connecting(connect)
  return function(object, host, ...)
    local left = limits(object)
    if select("#", ...) == 0 then return connect_to(connect, object, left, host) end -- a path
    local addresses, why = native.look_up(host, left() or nil)
    if not addresses then return nil, why end
    local ok, err
    for _, address in ipairs(addresses) do
      ok, err = connect_to(connect, object, left, address, ...)
      if ok or err == "timeout" then break end
    end
    return ok, err
  end
end

-- Seconds; nil and negative ones: for ever.
local function as_limit(seconds) return type(seconds) == "number" and seconds >= 0 and seconds or nil end

local function set_times(object, seconds, mode)
  local is_total = type(mode) == "string" and mode:sub(1, 1) == "t"
  times[object][is_total and "total" or "block"] = as_limit(seconds)
  return 1
end

local makers = { receive = receiving, send = sending, connect = connecting }
for name, what in pairs({ accept = "receive", dohandshake = "receive", receivefrom = "receive", sendto = "send" }) do
  makers[name] = function(method) return trying(method, what) end
end

-- Datagrams are whole: what was received is no prefix.
local function maker_of(class, name)
  if not class:find("^udp") then return makers[name] end
  if name == "receive" then return function(method) return trying(method, "receive") end end
  if name == "send" then return function(method) return trying(method, "send") end end
  return name ~= "connect" and makers[name] or nil
end

-- The times that the object had, before its own wait is turned off.
local function keep_times(object, gettimeout)
  local block, total
  if gettimeout then block, total = gettimeout(object) end
  times[object] = { block = as_limit(block), total = as_limit(total) }
end

local function patch_methods(class, methods)
  local settimeout, gettimeout = methods.settimeout, methods.gettimeout
  local function around(method, is_quiet)
    return function(object, ...)
      if not times[object] then keep_times(object, gettimeout) end
      if is_quiet then settimeout(object, 0) end
      return method(object, ...)
    end
  end
  for name in pairs(makers) do
    local own, make = methods[name], maker_of(class, name)
    if own and make then methods[name] = around(make(own), true) end
  end
  methods.settimeout = around(set_times)
  if gettimeout then
    methods.gettimeout = around(function(object) return times[object].block or -1, times[object].total or -1 end)
  end
end

local function patch_classes()
  for _, class in ipairs(CLASSES) do
    local meta = native.metatable_of(class)
    local methods = meta and rawget(meta, "__index")
    if type(methods) == "table" and not is_patched[methods] then
      is_patched[methods] = true
      patch_methods(class, methods)
    end
  end
end

-- socket.select: what is ready is asked of luasocket itself.
local function selecting(select_ready)
  return function(readers, writers, seconds)
    local due = as_limit(seconds) and time() + seconds
    local pause = 0.001
    while true do
      local can_read, can_write, err = select_ready(readers, writers, 0)
      if err ~= "timeout" then return can_read, can_write, err end
      local left = due and due - time() or pause
      if left <= 0 then return can_read, can_write, err end
      waits.sleep(math.min(pause, left))
      pause = math.min(pause * 2, 0.02)
    end
  end
end

-- Luasocket is loaded if it is there, and LuaSec, too. Calling it again patches what was loaded since.
function luasocket.patch_socket()
  local is_there, socket = pcall(_G.require, "socket")
  checks.expect(is_there, "patch_socket", "luasocket is not installed: " .. tostring(socket))
  pcall(_G.require, "ssl")
  patch_classes()
  if is_patched[socket] then return end
  is_patched[socket] = true
  socket.select, socket.sleep = selecting(socket.select), waits.sleep
end

return luasocket
