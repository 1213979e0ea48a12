-- SPDX-License-Identifier: MIT
-- Listener and Client: connections to other programs, over Unix and TCP sockets.
--
--     greeting   "MM" version ("K": with a key, "-": without) 32 random bytes           server → client
--     proof      32 random bytes, HMAC-SHA256(key, "client" greeting random)            client → server
--     verdict    "K" HMAC-SHA256(key, "server" random greeting), or "N" and 32 zeroes   server → client
--     frame      7 bytes of size, 1 byte of kind; then the content                      both ways
--
-- All messages of the handshake have a fixed size, and five seconds in all. Without a key the MACs are zeroes, and
-- messages bring data alone. A side with a key refuses a peer without one, so no peer can turn the key
-- off.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local waits = require("core.waits")

local expect = checks.expect

local VERSION = "\1"
local NONCE, MAC = 32, 32
local GREETING, PROOF, VERDICT = 4 + NONCE, NONCE + MAC, 1 + MAC
local HANDSHAKE_SECONDS, HANDSHAKES_MOST, CONNECT_SECONDS = 5, 64, 20
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

-- Receives the next frame: its kind and bytes, which stay in `state` until the caller takes them; or nil and why.
local function fetch(state, timeout)
  local stream = state.stream
  local until_when = timeout and timeout > 0 and native.time() + timeout
  local function left() return until_when and math.max(0, until_when - native.time()) or timeout end
  if not state.kind then
    local head, why = stream:receive(HEADER, left())
    if not head then return nil, why end
    local kind, size = read_header(head)
    if (kind ~= VALUE and kind ~= BYTES) or size > state.most then return nil, "malformed message" end
    state.kind, state.size = kind, size
  end
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
  expect(getmetatable(self) == connection_meta, where, "Connection expected, got " .. type(self), 3)
  if not self._state then error(where .. ": used after close", 3) end
  return self._state
end

local function new_connection(stream, has_key, most)
  local state = { stream = stream, trust = has_key and "peer" or "stranger", most = most }
  return setmetatable({ _state = state }, connection_meta)
end

local function send(state, kind, bytes, where)
  if #bytes > state.most then error(where .. ": a message of at most " .. state.most .. " bytes expected", 3) end
  local ok, why = state.stream:send(frame(kind, bytes))
  if not ok then return nil, why end
  return true
end

function Connection.send(self, ...)
  local state = check(self, "Connection:send")
  expect(select("#", ...) > 0, "Connection:send", "value expected")
  return send(state, VALUE, native.dumps((...)), "Connection:send")
end

function Connection.send_bytes(self, bytes)
  local state = check(self, "Connection:send_bytes")
  expect(type(bytes) == "string", "Connection:send_bytes", "string expected, got " .. type(bytes))
  return send(state, BYTES, bytes, "Connection:send_bytes")
end

function Connection.recv(self, timeout)
  local state = check(self, "Connection:recv")
  local kind, bytes = fetch(state, checks.timeout(timeout, "Connection:recv"))
  if not kind then return nil, bytes end
  if kind == BYTES then
    error("Connection:recv: the next message was sent with send_bytes; receive it with recv_bytes", 2)
  end
  drop(state)
  return native.loads_from(state.trust, bytes)
end

function Connection.recv_bytes(self, timeout)
  local state = check(self, "Connection:recv_bytes")
  local kind, bytes = fetch(state, checks.timeout(timeout, "Connection:recv_bytes"))
  if not kind then return nil, bytes end
  if kind == VALUE then error("Connection:recv_bytes: the next message was sent with send; receive it with recv", 2) end
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
  if self._state then self._state.stream:close() end
  self._state = nil
end

connection_meta.__close = Connection.close

function connection_meta.__mm_wait(self)
  local state = check(self, "wait")
  if state.kind or state.stream:has_some() then return true end
  return state.stream:fileno(), true
end

-- The handshake ---------------------------------------------------------------------------------------

local ZEROES = ("\0"):rep(MAC)

local function mac(key, ...) return key and native.hmac_sha256(key, table.concat({ ... })) or ZEROES end

-- The server's side. It runs in steps that do not wait, so a slow client does not delay others.
local function begin_handshake(stream, key)
  local greeting = "MM" .. VERSION .. (key and "K" or "-") .. native.random_bytes(NONCE)
  local ok = stream:send(greeting, 0)
  return ok and { stream = stream, greeting = greeting, ends = native.time() + HANDSHAKE_SECONDS }
end

-- Takes the proof: nil if it has not come yet, or whether it is right.
local function go_on(handshake, key)
  local proof, why = handshake.stream:receive(PROOF, 0)
  if not proof then
    if why == "timeout" then return nil end
    return false
  end
  local nonce = proof:sub(1, NONCE)
  local is_right = native.is_same(proof:sub(NONCE + 1), mac(key, "client", handshake.greeting, nonce))
  local verdict = is_right and "K" .. mac(key, "server", nonce, handshake.greeting) or "N" .. ZEROES
  return handshake.stream:send(verdict, 0) and is_right or false
end

-- The client's side of the handshake: true; or nil and why.
local function shake_hands(stream, key)
  local ends = native.time() + HANDSHAKE_SECONDS
  local function receive(size)
    local bytes, why = stream:receive(size, math.max(0, ends - native.time()))
    return bytes, why == "closed" and "authentication failed" or why
  end
  local greeting, why = receive(GREETING)
  if not greeting then return nil, why end
  if greeting:sub(1, 3) ~= "MM" .. VERSION then return nil, "no listener of manymoons, or of another version" end
  local nonce = native.random_bytes(NONCE)
  if greeting:sub(4, 4) ~= (key and "K" or "-") then return nil, "authentication failed" end
  stream:send(nonce .. mac(key, "client", greeting, nonce), HANDSHAKE_SECONDS)
  local verdict
  verdict, why = receive(VERDICT)
  if not verdict then return nil, why end
  local is_right = verdict:sub(1, 1) == "K"
    and native.is_same(verdict:sub(2), mac(key, "server", nonce, greeting))
  if not is_right then return nil, "authentication failed" end
  return true
end

-- Arguments -------------------------------------------------------------------------------------------

-- "host:port", { host, port } as in Python, "/path", "@abstract"
local function read_address(address, where)
  if type(address) == "table" then
    local host, port = address[1], address[2]
    local is_right = type(host) == "string" and type(port) == "number" and port >= 0 and port % 1 == 0
    expect(is_right, where, "address: { host, port } expected", 3)
    address = host .. ":" .. ("%d"):format(port)
  end
  expect(type(address) == "string" and not address:find("%z"), where,
    "address: '/path', '@name', 'host:port' or { host, port } expected, got " .. tostring(address), 3)
  return address
end

local OPTIONS = { authkey = true, timeout = true, max_message = true }

local function read_options(options, where)
  options = options or {}
  expect(type(options) == "table", where, "options: a table expected, got " .. type(options), 3)
  checks.check_options(options, OPTIONS, where)
  local key, most = options.authkey, options.max_message
  expect(key == nil or (type(key) == "string" and #key > 0), where, "authkey: a string expected, not an empty one", 3)
  expect(most == nil or (type(most) == "number" and most >= 1 and most <= SIZE_MOST), where,
    "max_message: a number of bytes, 1 to 2^31, expected", 3)
  return key, most or SIZE_MOST, options.timeout
end

-- Listener --------------------------------------------------------------------------------------------

local Listener = {}
local listener_meta = { __index = Listener, __name = "Listener" }

local function check_listener(self, where)
  expect(getmetatable(self) == listener_meta, where, "Listener expected, got " .. type(self), 3)
  if not self._stream then error(where .. ": used after close", 3) end
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
    address = bound, _stream = stream, _key = key, _most = most, _handshakes = {}, _is_private = is_private,
    _pid = native.pid(),
  }, listener_meta)
end

local function admit(self)
  while #self._handshakes < HANDSHAKES_MOST do
    local stream = self._stream:accept()
    if not stream then return end
    local handshake = (not self._is_private or stream:is_own_user()) and begin_handshake(stream, self._key)
    if handshake then
      table.insert(self._handshakes, handshake)
    else
      stream:close()
    end
  end
end

-- Ends the handshakes that failed or took too long. The stream of a finished one, false for a failed one, or nil.
local function finish_one(self, now)
  for i = #self._handshakes, 1, -1 do
    local handshake = self._handshakes[i]
    local is_right = go_on(handshake, self._key)
    if is_right ~= nil or now >= handshake.ends then
      table.remove(self._handshakes, i)
      if not is_right then handshake.stream:close() end
      if is_right ~= nil then return is_right and handshake.stream end
    end
  end
end

-- Adds the descriptors to wait for to `list`; returns the time at which the first handshake times out.
function listener.watch(self, list)
  local ends = math.huge
  if #self._handshakes < HANDSHAKES_MOST then list[#list + 1] = self._stream:fileno() end
  for _, handshake in ipairs(self._handshakes) do
    list[#list + 1] = handshake.stream:fileno()
    ends = math.min(ends, handshake.ends)
  end
  return ends
end

-- One step, which does not wait: the stream of an authenticated client, false for a failed one, or nil.
function listener.step(self)
  admit(self)
  return finish_one(self, native.time())
end

-- accept(timeout) → a connection; nil, "timeout"; or nil, "authentication failed" if a client failed
function Listener.accept(self, timeout)
  check_listener(self, "Listener:accept")
  timeout = checks.timeout(timeout, "Listener:accept")
  local until_when = timeout and native.time() + timeout or math.huge
  while true do
    check_listener(self, "Listener:accept") -- another caller may have closed it while this one waited
    local stream = listener.step(self)
    if stream then return new_connection(stream, self._key ~= nil, self._most) end
    if stream == false then return nil, "authentication failed" end
    local now = native.time()
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
  if not self._stream then return end
  for _, handshake in ipairs(self._handshakes) do handshake.stream:close() end
  self._stream:close()
  self._stream = nil
  if self._pid == native.pid() then native.socket_forget(self.address) end
end

listener_meta.__close = Listener.close
function listener_meta.__tostring(self) return "Listener: " .. self.address end
function listener_meta.__mm_wait(self)
  check_listener(self, "wait")
  return self._stream:fileno(), true
end

-- Client ----------------------------------------------------------------------------------------------

-- A stream whose handshake has succeeded; or nil and why.
function listener.connect(address, key, timeout)
  local stream, why = native.socket_connect(address, timeout)
  if not stream then return nil, why end
  local ok
  ok, why = shake_hands(stream, key)
  if ok then return stream end
  stream:close()
  return nil, why
end

-- Client(address, { authkey =, timeout = }) → a connection; or nil and why
function listener.Client(address, options)
  local key, most, timeout = read_options(options, "Client")
  local seconds = checks.timeout(timeout == nil and CONNECT_SECONDS or timeout, "Client")
  local stream, why = listener.connect(read_address(address, "Client"), key, seconds)
  if not stream then return nil, why end
  return new_connection(stream, key ~= nil, most)
end

listener.read_address, listener.SIZE_MOST = read_address, SIZE_MOST

return listener
