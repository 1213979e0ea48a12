-- SPDX-License-Identifier: MIT
-- Pipes of the world `threads`: two queues of this VM, one for each direction. Values are passed, not copied; bytes go
-- in an envelope, so that recv and recv_bytes each refuse what was meant for the other, and take nothing.
--
-- A connection is a handle on an end; the end is closed when its last handle is. The thread of a Process gets handles
-- of its own for the connections among its arguments, closed at its end: so a parent may close its own, as it has to
-- where workers are processes.
local require, native = ...

local checks = require("core.checks")

local expect = checks.expect

local Connection = {}
local connection_meta = { __index = Connection, __name = "Connection", __mm_send = false }

local Envelope = {} -- the metatable of bytes on their way

local function check(self, where, direction, what)
  checks.self(self, connection_meta, where)
  if self.closed then checks.fail("Connection: used after close") end
  if not self[direction] then checks.fail(where .. ": this end of a one-way pipe only " .. what) end
  return self[direction]
end

local function send(self, where, value)
  return check(self, where, "_outgoing", "receives"):put(value)
end

function Connection.send(self, ...)
  checks.self(self, connection_meta, "Connection:send")
  expect(select("#", ...) > 0, "Connection:send", "value expected")
  return send(self, "Connection:send", (...))
end

function Connection.send_bytes(self, bytes, offset, size)
  checks.self(self, connection_meta, "Connection:send_bytes")
  bytes = checks.part(bytes, offset, size, "Connection:send_bytes")
  return send(self, "Connection:send_bytes", setmetatable({ bytes = bytes }, Envelope))
end

-- What was received and refused stays for the other method.
local function fetch(self, where, timeout)
  local incoming = check(self, where, "_incoming", "sends")
  timeout = checks.timeout(timeout, where)
  if self._has_next then return true end
  local value, why = incoming:get(timeout, where)
  if value == nil and why then return nil, why == "empty" and "timeout" or why end
  self._next, self._has_next = value, true
  return true
end

local function take(self)
  local value = self._next
  self._next, self._has_next = nil, false
  return value
end

function Connection.recv(self, timeout)
  local ok, why = fetch(self, "Connection:recv", timeout)
  if not ok then return nil, why end
  if getmetatable(self._next) == Envelope then
    checks.fail("Connection:recv: the next message was sent with send_bytes; receive it with recv_bytes")
  end
  return take(self)
end

function Connection.recv_bytes(self, timeout, limit)
  checks.self(self, connection_meta, "Connection:recv_bytes")
  limit = checks.limit(limit, "Connection:recv_bytes")
  local ok, why = fetch(self, "Connection:recv_bytes", timeout)
  if not ok then return nil, why end
  if getmetatable(self._next) ~= Envelope then
    checks.fail("Connection:recv_bytes: the next message was sent with send; receive it with recv")
  end
  local size = #self._next.bytes
  if limit and size > limit then return nil, checks.too_large(size, limit) end
  return take(self).bytes
end

-- True when recv would not wait: there is a message, or the end of file. Without a timeout it does not wait.
function Connection.poll(self, timeout)
  if timeout == nil then timeout = 0 end
  local ok, why = fetch(self, "Connection:poll", timeout)
  return ok == true or why == "closed"
end

function Connection.fileno(self) return check(self, "Connection:fileno", "_incoming", "sends"):_fileno() end

function Connection.close(self)
  checks.self(self, connection_meta, "Connection:close")
  if self.closed then return end
  self.closed = true
  self._end.handles = self._end.handles - 1
  if self._end.handles > 0 then return end
  if self._incoming then self._incoming:close() end
  if self._outgoing then self._outgoing:close() end
end

connection_meta.__close = Connection.close
connection_meta.__gc = Connection.close
function connection_meta.__tostring(self)
  return "Connection: " .. tostring(self._incoming or self._outgoing):match("0x.*")
end
function connection_meta.__mm_wait(self)
  if self.closed or self._has_next or not self._incoming then return true end
  return self._incoming, true
end

local function new(incoming, outgoing, shared)
  shared = shared or { handles = 0 }
  shared.handles = shared.handles + 1
  return setmetatable({ _incoming = incoming, _outgoing = outgoing, _end = shared, closed = false,
    readable = incoming ~= nil, writable = outgoing ~= nil }, connection_meta)
end

local function new_queue() return native.local_queue_new("SimpleQueue", nil, true) end

-- Among the arguments of a worker in this VM: what ends a server there whose thread or task ends before it could do so
-- itself. The server sets its `finish`.
local Ending = {}
local ending_meta = { __index = Ending }

function Ending.close(self)
  local finish = self.finish
  self.finish = nil
  if finish then finish() end
end

-- For a new thread: its arguments, and the handles that are to be closed at its end, however it comes: connections and
-- endings.
local function arguments_of_thread(args)
  local own, handles = { n = args.n }, {}
  for i = 1, args.n do
    local value = args[i]
    if getmetatable(value) == connection_meta and not value.closed then
      value = new(value._incoming, value._outgoing, value._end)
      handles[#handles + 1] = value
    elseif getmetatable(value) == ending_meta then
      handles[#handles + 1] = value
    end
    own[i] = value
  end
  return own, handles
end

return {
  arguments_of_thread = arguments_of_thread,
  new_ending = function() return setmetatable({}, ending_meta) end,
  pipe = function(is_duplex)
    local forth = new_queue()
    if not is_duplex then return new(forth, nil), new(nil, forth) end
    local back = new_queue()
    return new(forth, back), new(back, forth)
  end,
}
