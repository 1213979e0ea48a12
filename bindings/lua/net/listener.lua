-- SPDX-License-Identifier: MIT
-- Listener and Client: connections to other programs, over Unix and TCP sockets. They begin with the handshake of
-- net/handshake.lua; then come frames, both ways:
--
--     frame      7 bytes of size, 1 byte of kind; then the content
--
-- A Connection and a Listener travel as tables by the name of their class; the stream inside is a handle. Only one
-- process should receive from a connection, or send to it, at a time.
--
-- Nothing is encrypted: the key keeps strangers out, and does not hide what is sent. Without a key messages bring data
-- alone.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local waits = require("core.waits")
local handshake = require("net.handshake")

local expect = checks.expect

local CONNECT_SECONDS = 20
local HEADER, SIZE_MOST = 8, 2 ^ 31
local VALUE, BYTES = 0, 1

local listener = {}

-- Frames ----------------------------------------------------------------------------------------------

local function frame(kind, bytes)
  local size, head = #bytes, {}
  for i = 1, 7 do
    head[i] = string.char(size % 256)
    size = math.floor(size / 256)
  end
  return table.concat(head) .. string.char(kind) .. bytes
end

local function read_header(head)
  local size = 0
  for i = 7, 1, -1 do size = size * 256 + head:byte(i) end
  return head:byte(8), size
end

-- Why a frame is not read, nor any after it; nil: it is.
local function refuse(kind, size, most)
  if kind ~= VALUE and kind ~= BYTES then return "malformed message: no frame of a connection of manymoons" end
  if size <= most then return nil end
  return string.format("message too large: it has %.0f bytes, and max_message is %.0f", size, most)
end

-- Receives the next frame: its kind and bytes, which stay in `state` until the caller takes them; or nil and why. A
-- frame with more bytes than `limit` is not read beyond its header.
local function fetch(state, timeout, limit)
  local stream = state.stream
  if state.failure then return nil, state.failure end
  local until_when = timeout and timeout > 0 and native.time() + timeout
  local function left() return until_when and math.max(0, until_when - native.time()) or timeout end
  if not state.kind then
    local head, why = stream:receive(HEADER, left())
    if not head then return nil, why end
    local kind, size = read_header(head)
    state.failure = refuse(kind, size, state.most)
    if state.failure then return nil, state.failure end
    state.kind, state.size = kind, size
  end
  if limit and state.kind == BYTES and state.size > limit then return nil, checks.too_large(state.size, limit) end
  if not state.bytes then
    local bytes, why = stream:receive(state.size, left())
    if not bytes then return nil, why end
    state.bytes = bytes
  end
  return state.kind, state.bytes
end

local function drop(state) state.kind, state.bytes = nil, nil end

listener.frame, listener.fetch, listener.drop, listener.VALUE = frame, fetch, drop, VALUE

-- Connection ------------------------------------------------------------------------------------------

local Connection = {}
local connection_meta = { __index = Connection, __name = "Connection" }

local function check(self, where)
  checks.self(self, connection_meta, where)
  if not self._state then checks.fail(where .. ": used after close") end
  return self._state
end

local function new_connection(stream, has_key, most)
  local state = { stream = stream, trust = has_key and "peer" or "stranger", most = most }
  return setmetatable({ _state = state, closed = false, readable = true, writable = true }, connection_meta)
end

local function send(state, kind, bytes, where)
  if #bytes > state.most then
    checks.fail(string.format("%s: a message of at most %.0f bytes (max_message) expected, got %d", where, state.most,
      #bytes))
  end
  local ok, why = state.stream:send(frame(kind, bytes))
  if not ok then return nil, why end
  return true
end

function Connection.send(self, ...)
  local state = check(self, "Connection:send")
  expect(select("#", ...) > 0, "Connection:send", "value expected")
  return send(state, VALUE, native.dumps((...)), "Connection:send")
end

function Connection.send_bytes(self, bytes, offset, size)
  local state = check(self, "Connection:send_bytes")
  bytes = checks.part(bytes, offset, size, "Connection:send_bytes")
  return send(state, BYTES, bytes, "Connection:send_bytes")
end

function Connection.recv(self, timeout)
  local state = check(self, "Connection:recv")
  local kind, bytes = fetch(state, checks.timeout(timeout, "Connection:recv"))
  if not kind then return nil, bytes end
  if kind == BYTES then
    checks.fail("Connection:recv: the next message was sent with send_bytes; receive it with recv_bytes")
  end
  drop(state)
  return native.loads_from(state.trust, bytes)
end

function Connection.recv_bytes(self, timeout, limit)
  local state = check(self, "Connection:recv_bytes")
  limit = checks.limit(limit, "Connection:recv_bytes")
  local kind, bytes = fetch(state, checks.timeout(timeout, "Connection:recv_bytes"), limit)
  if not kind then return nil, bytes end
  if kind == VALUE then
    checks.fail("Connection:recv_bytes: the next message was sent with send; receive it with recv")
  end
  drop(state)
  return bytes
end

function Connection.poll(self, timeout)
  local state = check(self, "Connection:poll")
  if timeout == nil then timeout = 0 end
  timeout = checks.timeout(timeout, "Connection:poll")
  return state.kind ~= nil or state.stream:ready(timeout)
end

function Connection.fileno(self) return check(self, "Connection:fileno").stream:fileno() end

function Connection.close(self)
  checks.self(self, connection_meta, "Connection:close")
  if self._state then self._state.stream:close() end
  self._state, self.closed = nil, true
end

connection_meta.__close = Connection.close

function connection_meta.__mm_wait(self)
  local state = self._state
  if not state then return nil, "Connection: used after close" end
  if state.kind or state.failure or state.stream:has_some() then return true end
  return state.stream:fileno(), true
end

-- Arguments -------------------------------------------------------------------------------------------

local PATH_MOST, PORT_MOST = 107, 65535

local function check_port(port, where)
  local number = tonumber(port)
  local is_right = number and number >= 0 and number <= PORT_MOST and number % 1 == 0
  expect(is_right, where, "address: a port from 0 to " .. PORT_MOST .. " expected, got " .. checks.show(port))
end

-- "host:port", { host, port } as in Python, "/path", "@abstract"
local function read_address(address, where)
  if type(address) == "table" then
    local host, port = address[1], address[2]
    expect(type(host) == "string" and type(port) == "number", where, "address: { host, port } expected")
    check_port(port, where)
    address = host .. ":" .. string.format("%d", port)
  end
  expect(type(address) == "string" and not address:find("%z"), where,
    "address: '/path', '@name', 'host:port' or { host, port } expected, got " .. checks.show(address))
  if address:find("^[/@.]") then
    expect(#address <= PATH_MOST, where,
      "address: a path or name of at most " .. PATH_MOST .. " bytes expected, got one of " .. #address)
  elseif address:find(":[+-]?%d+$") then
    check_port(address:match("([^:]*)$"), where)
  end
  return address
end

local OPTIONS = { authkey = true, timeout = true, max_message = true }

local function read_options(options, where)
  options = options or {}
  expect(type(options) == "table", where, "options: a table expected, got " .. type(options))
  checks.check_options(options, OPTIONS, where)
  local key, most = options.authkey, options.max_message
  expect(key == nil or (type(key) == "string" and #key > 0), where, "authkey: a string expected, not an empty one")
  expect(most == nil or checks.is_whole(most, 1, SIZE_MOST), where,
    "max_message: a number of bytes, 1 to 2^31, expected, got " .. checks.show(most))
  return key, most or SIZE_MOST, options.timeout
end

-- Listener --------------------------------------------------------------------------------------------

local Listener = {}
local listener_meta = { __index = Listener, __name = "Listener" }

-- The unfinished handshakes of a listener stay where they began; a copy in another VM has its own.
local unfinished_of = setmetatable({}, { __mode = "k" })

local function unfinished(self)
  local list = unfinished_of[self] or handshake.new_list(self._key)
  unfinished_of[self] = list
  return list
end

local function check_listener(self, where)
  checks.self(self, listener_meta, where)
  if not self._stream then checks.fail(where .. ": used after close") end
end

-- An abstract name that cannot be guessed. Only processes of this user are admitted to it.
local function private_address()
  return "@manymoons-" .. hex(native.random_bytes(16))
end

function listener.Listener(address, options)
  local key, most = read_options(options, "Listener")
  local is_private = address == nil
  address = is_private and private_address() or read_address(address, "Listener")
  local stream, bound = native.socket_listen(address)
  if not stream then return nil, bound end
  return setmetatable({
    address = bound, _stream = stream, _key = key, _most = most, _is_private = is_private, _pid = native.pid(),
  }, listener_meta)
end

local ADMITTED_MOST = 64 -- in one step
-- Seconds after which a listener without a descriptor for its next client tries again, and for which accept without a
-- timeout does so.
local STARVED_PAUSE, STARVED_SECONDS = 0.05, 1

local function is_starvation(why) return why:find("^EMFILE") ~= nil or why:find("^ENFILE") ~= nil end

-- Takes the next client from the system's line; nil and why. Where descriptors have run out an unfinished handshake
-- ends for it.
local function take_client(self)
  local stream, why = self._stream:accept()
  while not stream and is_starvation(why) and unfinished(self):drop_one() do
    stream, why = self._stream:accept()
  end
  return stream, why
end

-- starved: why no client can be admitted now
local function admit(self)
  self._starved = nil
  for _ = 1, ADMITTED_MOST do
    local stream, why = take_client(self)
    if not stream then
      self._starved = is_starvation(why) and why or nil
      return
    end
    if self._is_private and not stream:is_own_user() then
      stream:close()
    else
      unfinished(self):begin(stream)
    end
  end
end

-- Adds the descriptors to wait for to `list`; returns the time until which the wait may last. While descriptors have
-- run out the listener's own would end each wait at once.
function listener.watch(self, list)
  if not self._starved then list[#list + 1] = self._stream:fileno() end
  local ends = unfinished(self):watch(list)
  return self._starved and math.min(ends, native.time() + STARVED_PAUSE) or ends
end

-- One step, which does not wait: the stream of an authenticated client, false for a failed one, or nil.
function listener.step(self)
  admit(self)
  return unfinished(self):finish_one()
end

-- accept(timeout) → a connection; nil, "timeout"; nil, "authentication failed" if a client failed; or nil and the
-- system's words if there was no descriptor for a client all the time
function Listener.accept(self, timeout)
  check_listener(self, "Listener:accept")
  timeout = checks.timeout(timeout, "Listener:accept")
  local begun = native.time()
  local until_when = timeout and begun + timeout or math.huge
  local starved_until = timeout and until_when or begun + STARVED_SECONDS
  while true do
    check_listener(self, "Listener:accept") -- another caller may have closed it while this one waited
    local stream = listener.step(self)
    if stream then return new_connection(stream, self._key ~= nil, self._most) end
    if stream == false then return nil, "authentication failed" end
    local now = native.time()
    if self._starved and now >= starved_until then return nil, self._starved end
    if now >= until_when then return nil, "timeout" end
    local list = {}
    local ends = math.min(until_when, listener.watch(self, list))
    waits.any(list, ends < math.huge and math.max(0, ends - now) or nil)
  end
end

function Listener.fileno(self)
  check_listener(self, "Listener:fileno")
  return self._stream:fileno()
end

function Listener.close(self)
  checks.self(self, listener_meta, "Listener:close")
  if not self._stream then return end
  unfinished(self):close()
  if self._pid == native.pid() then self._stream:forget(self.address) end
  self._stream:close()
  self._stream = nil
end

listener_meta.__close = Listener.close
function listener_meta.__tostring(self) return "Listener: " .. self.address end
function listener_meta.__mm_wait(self)
  if not self._stream then return nil, "Listener: used after close" end
  return self._stream:fileno(), true
end

-- Client ----------------------------------------------------------------------------------------------

-- A listener that has too many strangers ends some connections without a word; the client then tries again.
local TRIES, FIRST_PAUSE = 5, 0.05

local function connect_once(address, key, ends)
  local stream, why = native.socket_connect(address, handshake.left(ends))
  if not stream then return nil, why end
  local ok
  ok, why = handshake.as_client(stream, key, ends)
  if ok then return stream end
  stream:close()
  return nil, why, why == "closed"
end

-- A stream whose handshake has succeeded; or nil and why. The timeout is that of all together; nil: none.
function listener.connect(address, key, timeout)
  local ends = timeout and native.time() + timeout or math.huge
  local stream, why, is_closed
  for try = 1, TRIES do
    stream, why, is_closed = connect_once(address, key, ends)
    if not is_closed then return stream, why end
    local pause = FIRST_PAUSE * 2 ^ (try - 1)
    if try == TRIES or native.time() + pause >= ends then break end
    waits.sleep(pause)
  end
  return nil, "authentication failed"
end

-- Client(address, { authkey =, timeout = }) → a connection; or nil and why
function listener.Client(address, options)
  local key, most, timeout = read_options(options, "Client")
  local seconds = checks.timeout(timeout == nil and CONNECT_SECONDS or timeout, "Client")
  local stream, why = listener.connect(read_address(address, "Client"), key, seconds)
  if not stream then return nil, why end
  return new_connection(stream, key ~= nil, most)
end

listener.connection_meta, listener.listener_meta = connection_meta, listener_meta
listener.read_address, listener.SIZE_MOST = read_address, SIZE_MOST

return listener
