-- SPDX-License-Identifier: MIT
-- Queue and JoinableQueue on an engine: a stream with one group of consumers.
--
-- A handle is data: where the server is, and the queue's name; so it can be sent anywhere. What a process has open for
-- it (two connections: over `getter` waits get, over `talker` goes everything else) is in `states`, and made when first
-- needed. An item that was delivered and not taken, because a connection or a process broke in between, comes back
-- after a lease. A JoinableQueue holds what was taken by leases until task_done.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local waits = require("core.waits")
local classes = require("broker.classes")
local connection = require("broker.redis.connection")
local broker = require("broker.settings")

local expect, time = checks.expect, native.time

local LEASE, BLOCK, STALL, CONNECT, FIRST_PAUSE, LONGEST_PAUSE = 15, 1, 10, 2, 0.05, 1
local LIFE_MS, CLOSED_SECONDS, ROOM_SECONDS = "3600000", "86400", 0.25
local SCRIPTS = { "put", "get", "release", "depth", "deregister" }
local TAKER = "taker" -- whoever takes for good is nobody in particular

local Queue, JoinableQueue = {}, {}
local queue_meta, joinable_meta = classes.Queue, classes.JoinableQueue
queue_meta.__index, joinable_meta.__index = Queue, JoinableQueue
setmetatable(JoinableQueue, { __index = Queue })

local states = setmetatable({}, { __mode = "k" })

-- What a process has open for a handle --------------------------------------------------------------------------------

local function new_state(self)
  local settings = broker.read_url(self._url, "Queue", 3)
  local key = broker.key_of(self._name)
  local me = "c:" .. hex(native.random_bytes(12))
  return {
    pid = native.pid(), settings = settings, secrets = self._secrets or broker.secrets({}, settings, "Queue", 3),
    me = getmetatable(self) == joinable_meta and me or TAKER, putter = key .. "p:" .. me, count = 0, taken = {},
    keys = { items = key .. "i", closed = key .. "closed", wait = key .. "wait", room = key .. "room",
      registry = key .. "c" },
    talker = connection.new(settings, nil, SCRIPTS), getter = connection.new(settings, nil, {}), look_at = 0,
  }
end

-- A forked child has its own.
local function state_of(self, where)
  local meta = getmetatable(self)
  expect(meta == queue_meta or meta == joinable_meta, where, "Queue expected, got " .. type(self), 4)
  local state = states[self]
  if not state or state.pid ~= native.pid() then
    state = new_state(self)
    states[self] = state
  end
  return state
end

local function is_refusal(why)
  return why:find("^AUTH") or why:find("^SELECT") or why:find("^NOAUTH") or why:find("^NOPERM")
    or why:find("certificate")
    or why:find("needs lib")
end

-- true, or nil and "timeout". What the server refuses is an error.
local function open(conn, due)
  local pause = FIRST_PAUSE
  while not conn.link do
    local opened, why = conn:open(CONNECT)
    if opened then return true end
    if is_refusal(why) then error("Queue: engine: " .. why, 0) end
    if due and time() + pause > due then return nil, "timeout" end
    waits.sleep(pause)
    pause = math.min(LONGEST_PAUSE, 2 * pause)
  end
  return true
end

-- An answer, whatever it takes: said again on a new connection when one broke. send: Connection.send or .script.
-- reply (false: none); or nil and "timeout"
local function insist(conn, due, seconds, send, ...)
  while true do
    local opened, late = open(conn, due)
    if not opened then return nil, late end
    local reply, why = conn:call(seconds, send, ...)
    if why == nil then return reply or false end
    if conn.link then
      if why:find("^NOSCRIPT") then
        conn:load_scripts()
      elseif why:find("^LOADING") or why:find("^READONLY") or why:find("^MASTERDOWN") then
        conn:close(why)
        waits.sleep(FIRST_PAUSE)
      else
        return nil, why
      end
    end
    if due and time() >= due then return nil, "timeout" end
  end
end

local function script(state, due, ...) return insist(state.talker, due, STALL, state.talker.script, ...) end
local function command(state, due, ...) return insist(state.talker, due, STALL, state.talker.send, ...) end

local function must(reply, why)
  if reply == nil then error("Queue: engine: " .. why, 0) end
  return reply
end

-- Items --------------------------------------------------------------------------------------------------------------

local function sign(secret, name, bytes) return native.sign(secret, "manymoons item 1", name, bytes) end

local function encode(self, state, value)
  local ok, bytes = pcall(native.dumps, value)
  if not ok then error("Queue:put: " .. tostring(bytes):gsub(" as bytes", " to another machine"), 3) end
  if not state.secrets[1] then return "u" .. bytes end
  return "s" .. sign(state.secrets[1], self._name, bytes) .. bytes
end

local function decode(self, state, text)
  local bytes, is_trusted = text:sub(2), false
  if text:byte() == 115 then
    local signature = bytes:sub(1, 32)
    bytes = bytes:sub(33)
    for _, secret in ipairs(state.secrets) do
      is_trusted = is_trusted or native.is_same(signature, sign(secret, self._name, bytes))
    end
  end
  if state.secrets[1] and not is_trusted then
    error("Queue:get: BadSignature: an item was not signed with a secret of this program; it is dropped", 3)
  end
  return native.loads(bytes, { functions = is_trusted })
end

-- Queue --------------------------------------------------------------------------------------------------------------

local function check_timeout(timeout, where)
  expect(timeout == nil or (type(timeout) == "number" and timeout == timeout), where,
    "timeout: a number of seconds expected, got " .. type(timeout), 3)
  return timeout and time() + timeout
end

local function wait_for_room(state, due)
  local seconds = due and math.min(ROOM_SECONDS, due - time()) or ROOM_SECONDS
  if seconds <= 0 then return end
  command(state, due and due + STALL, "BLPOP", state.keys.room, string.format("%.3f", seconds))
end

function Queue.put(self, ...)
  expect(select("#", ...) > 0, "Queue:put", "value expected")
  local value, timeout = ...
  local state, due = state_of(self, "Queue:put"), check_timeout(timeout, "Queue:put")
  local text, keys = encode(self, state, value), state.keys
  state.count = state.count + 1
  local number = tostring(state.count)
  while true do
    local reply, why = script(state, due and due + (timeout == 0 and CONNECT or 0), "put", "5", keys.items, keys.closed,
      state.putter, keys.wait, keys.room, number, tostring(self._maxsize), LIFE_MS, text, self._may_reopen and "1"
      or "0")
    if reply == "ok" then
      self._may_reopen = nil
      return true
    elseif reply == "closed" then
      return nil, "closed"
    elseif reply == nil and why == "timeout" then
      return nil, why
    elseif reply == nil and not why:find("^OOM") then
      error("Queue:put: engine: " .. why, 2)
    end
    if timeout == 0 then return nil, "full" end
    if due and time() >= due then return nil, "timeout" end
    if reply then wait_for_room(state, due) else waits.sleep(FIRST_PAUSE) end
  end
end

-- What others were given and never took.
local function reclaim(self, state)
  if time() < state.look_at then return end
  state.look_at = time() + self._lease / 3
  local keys = state.keys
  local reply = command(state, nil, "XAUTOCLAIM", keys.items, "g", TAKER, tostring(math.floor(self._lease * 1000)),
    "0-0", "COUNT", "100")
  for _, entry in ipairs(reply and reply[2] or {}) do
    if entry and not state.taken[entry[1]] then script(state, nil, "release", "1", keys.items, entry[1]) end
  end
  script(state, nil, "deregister", "2", keys.registry, keys.items, tostring(math.ceil(self._lease * 10)), "")
end

local function fetch(state, due, timeout)
  local words = { "XREADGROUP", "GROUP", "g", state.me, "COUNT", "1", "BLOCK", "", "STREAMS", state.keys.items, ">" }
  local seconds = due and math.max(0, math.min(BLOCK, due - time())) or BLOCK
  if timeout == 0 or seconds < 0.001 then
    table.remove(words, 7)
    table.remove(words, 7)
  else
    words[8] = tostring(math.floor(seconds * 1000))
  end
  local reply, why = insist(state.getter, due and due + CONNECT, seconds + STALL, state.getter.send_list, words)
  if reply == nil and why:find("^NOGROUP") then
    local made, failure = command(state, nil, "XGROUP", "CREATE", state.keys.items, "g", "0", "MKSTREAM")
    if made == nil and not failure:find("^BUSYGROUP") then error("Queue: engine: " .. failure, 3) end
    return false
  end
  if reply == nil and why ~= "timeout" then error("Queue:get: engine: " .. why, 3) end
  return reply and reply[1][2][1] or false
end

local function is_drained(state)
  local depth = must(script(state, nil, "depth", "2", state.keys.items, state.keys.closed))
  return depth[3] == 1 and depth[1] <= 0
end

local function take_for_good(state, id)
  local keys = state.keys
  return must(script(state, nil, "get", "3", keys.items, keys.wait, keys.room, id)) == 1
end

-- An entry: id and fields. One thread waits at a time.
local function next_entry(state, due, timeout)
  while state.is_getting do waits.sleep(0.002) end
  state.is_getting = true
  local ok, entry = pcall(fetch, state, due, timeout)
  state.is_getting = false
  if not ok then
    state.getter:close("interrupted") -- its reply is nobody's now; the entry, if there was one, comes back
    error(entry, 0)
  end
  return entry
end

function Queue.get(self, timeout)
  local state, due = state_of(self, "Queue:get"), check_timeout(timeout, "Queue:get")
  while true do
    reclaim(self, state)
    local entry = next_entry(state, due, timeout)
    if entry and self:_take(state, entry[1]) then return decode(self, state, entry[2][2]) end
    if not entry then
      if is_drained(state) then return nil, "closed" end
      if timeout == 0 then return nil, "empty" end
      if due and time() >= due then return nil, "timeout" end
    end
  end
end

function Queue._take(_, state, id) return take_for_good(state, id) end

function Queue.put_nowait(self, ...)
  expect(select("#", ...) > 0, "Queue:put_nowait", "value expected")
  return self:put((...), 0)
end

function Queue.get_nowait(self) return self:get(0) end

local function depth_of(self, where)
  local state = state_of(self, where)
  return must(script(state, nil, "depth", "2", state.keys.items, state.keys.closed))
end

function Queue.qsize(self) return math.max(0, depth_of(self, "Queue:qsize")[1]) end
function Queue.empty(self) return depth_of(self, "Queue:empty")[1] <= 0 end
function Queue.full(self) return self._maxsize > 0 and depth_of(self, "Queue:full")[1] >= self._maxsize end

-- For all who have the queue. A handle that is made later may put, which opens it again.
function Queue.close(self)
  local state = state_of(self, "Queue:close")
  must(command(state, nil, "SET", state.keys.closed, "1", "EX", CLOSED_SECONDS))
end

function Queue.iter(self)
  return function() return (self:get()) end
end

function Queue.task_done()
  error("Queue:task_done: this is a Queue, from which values are taken for good; a JoinableQueue keeps account", 2)
end

-- JoinableQueue ------------------------------------------------------------------------------------------------------

local function lease_of(self, state)
  if state.lease then return state.lease end
  local keys = state.keys
  state.lease = assert(native.lease_open(state.settings, {
    connection.text("heartbeat"), keys.registry, keys.registry .. ":" .. state.me, state.me,
      tostring(math.ceil(self._lease * 3)),
  }, self._lease / 3, "{}"))
  return state.lease
end

function JoinableQueue._take(self, state, id)
  lease_of(self, state):add(state.keys.items, "", "", id)
  state.taken[#state.taken + 1] = id
  state.taken[id] = true
  return true
end

-- The value that was taken first of those that are not done: true; or nil and "lost", if it was somebody else's by
-- then.
function JoinableQueue.task_done(self)
  local state = state_of(self, "JoinableQueue:task_done")
  local id = table.remove(state.taken, 1)
  if not id then error("JoinableQueue:task_done: all that this program took is done", 2) end
  state.taken[id] = nil
  local is_done = take_for_good(state, id)
  state.lease:remove(id)
  if not is_done then return nil, "lost" end
  return true
end

-- Until nothing waits, and all that was taken is done.
function JoinableQueue.join(self, timeout)
  local due = check_timeout(timeout, "JoinableQueue:join")
  local pause = 0.005
  while true do
    local depth = depth_of(self, "JoinableQueue:join")
    if depth[1] + depth[2] <= 0 then return true end
    if due and time() >= due then return nil, "timeout" end
    waits.sleep(due and math.max(0, math.min(pause, due - time())) or pause)
    pause = math.min(0.1, 2 * pause)
  end
end

-- Construction -------------------------------------------------------------------------------------------------------

local function describe(self)
  return getmetatable(self).__name .. ": '" .. self._name .. "' on " .. broker.read_url(self._url, "Queue", 1).shown
end

for _, meta in ipairs({ queue_meta, joinable_meta }) do meta.__tostring = describe end

local OPTIONS = { engine = true, name = true, maxsize = true, secret = true, secret_file = true, lease = true }

local queue = {}

-- Queue{ engine =, name =, maxsize =, lease = }
function queue.new(kind, options)
  for name in pairs(options) do
    if not OPTIONS[name] then error(kind .. ": unknown option '" .. tostring(name) .. "'", 3) end
  end
  local maxsize = options.maxsize or 0
  expect(type(maxsize) == "number" and maxsize >= 0 and maxsize < 2 ^ 53, kind,
    "maxsize: a number, 0 (no bound) or more, expected, got " .. tostring(maxsize), 3)
  expect(kind ~= "SimpleQueue" or maxsize == 0, kind, "maxsize: a Queue has one", 3)
  local lease = options.lease or LEASE
  expect(type(lease) == "number" and lease >= 0.3 and lease < 2 ^ 31, kind,
    "lease: a number of seconds, 0.3 or more, expected, got " .. tostring(lease), 3)
  local settings = broker.read_url(options.engine, kind, 3)
  local self = setmetatable({
    _url = options.engine, _lease = lease, _name = broker.check_name(options.name, kind, 3),
    _maxsize = maxsize % 1 == 0 and string.format("%d", maxsize) + 0 or math.ceil(maxsize),
  }, kind == "JoinableQueue" and joinable_meta or queue_meta)
  local secrets = broker.secrets(options, settings, kind, 3)
  local state = state_of(self, kind)
  state.secrets = secrets
  local opened, why = state.talker:open()
  if not opened then error(kind .. ": engine: " .. settings.shown .. ": " .. why, 3) end
  if must(command(state, nil, "EXISTS", state.keys.closed)) == 1 then self._may_reopen = true end
  return self
end

return queue
