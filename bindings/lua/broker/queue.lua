-- SPDX-License-Identifier: MIT
-- Queue and JoinableQueue on a broker.
--
-- A handle is data: the URL of the server, and the queue's name; so it can be sent anywhere. What a
-- process has open for it is in `states`, and made when it is first needed. An item that was
-- delivered and not taken, because a connection or a process broke in between, comes back after a
-- lease. A JoinableQueue holds what was taken by leases until task_done.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local waits = require("core.waits")
local backoff = require("broker.backoff")
local classes = require("broker.classes")
local broker = require("broker.settings")
local many = require("queues.many")
local queues = require("queues.queues")

local expect, time = checks.expect, native.time

local LEASE, BLOCK, CONNECT, FIRST_PAUSE, LONGEST_PAUSE = 15, 1, 2, 0.05, 1
local OPEN, ROOM_SECONDS = 5, 0.25

local Queue, JoinableQueue = {}, {}
local queue_meta, joinable_meta = classes.Queue, classes.JoinableQueue
queue_meta.__index, joinable_meta.__index = Queue, JoinableQueue
setmetatable(JoinableQueue, { __index = Queue })

local states = setmetatable({}, { __mode = "k" })

-- What a process has open for a handle --------------------------------------------------------------------------------

local function new_state(self)
  local settings = broker.read_url(self._url, "Queue", self._password_file)
  local me = hex(native.random_bytes(12))
  return {
    pid = native.pid(), settings = settings, secrets = broker.secrets({}, settings, "Queue"),
    session = settings.backend.Queue.new(settings, {
      name = self._name, putter = me, consumer = getmetatable(self) == joinable_meta and me or "", lease = self._lease,
    }),
    count = 0, taken = {}, look_at = 0,
  }
end

-- Raises unless `self`, of which that method was called, is one of these queues; returns what the script calls it.
local function check(self, method, class)
  local meta = getmetatable(self)
  local where = (meta == joinable_meta and "JoinableQueue" or class or "Queue") .. ":" .. method
  if meta ~= joinable_meta and (meta ~= queue_meta or class) then checks.refuse_self(self, where) end
  return where
end

many.add_to(Queue, check)

-- A forked child has its own.
local function state_of(self)
  local state = states[self]
  if not state or state.pid ~= native.pid() then
    state = new_state(self)
    states[self] = state
  end
  return state
end

-- The answer of a session's function, called again, on a new connection, for as long as the server
-- cannot be reached (broker/backend.lua: kind); or nil, why and kind. "timeout" is a why.
local function insist(state, due, name, ...)
  local pause = nil
  while true do
    local reply, why, kind = state.session[name](state.session, ...)
    if reply ~= nil or (kind ~= "again" and kind ~= "stale") then return reply, why, kind end
    if due and time() + (pause or 0) >= due then return nil, "timeout", "timeout" end
    if kind == "stale" then
      if pause then waits.sleep(pause) end
      pause = backoff(pause, FIRST_PAUSE, LONGEST_PAUSE)
    end
  end
end

-- where: the function that the script called.
local function must(where, reply, why)
  if reply == nil then checks.fail(where .. ": broker: " .. why) end
  return reply
end

-- Items --------------------------------------------------------------------------------------------------------------

local function sign(secret, name, bytes) return native.sign(secret, "manymoons item 1", name, bytes) end

local function encode(self, state, value, where)
  local ok, bytes = pcall(native.dumps, value)
  if not ok then checks.fail(where .. ": " .. checks.bare(bytes):gsub(" as bytes", " to another machine")) end
  if not state.secrets[1] then return "u" .. bytes end
  return "s" .. sign(state.secrets[1], self._name, bytes) .. bytes
end

local function decode(self, state, text, where)
  local bytes, is_trusted = text:sub(2), false
  if text:byte() == 115 then
    local signature = bytes:sub(1, 32)
    bytes = bytes:sub(33)
    for _, secret in ipairs(state.secrets) do
      is_trusted = is_trusted or native.is_same(signature, sign(secret, self._name, bytes))
    end
  end
  if state.secrets[1] and not is_trusted then
    checks.fail(where .. ": BadSignature: an item was not signed with a secret of this program; it is dropped")
  end
  return native.loads_from(is_trusted and "peer" or "stranger", bytes)
end

-- Queue --------------------------------------------------------------------------------------------------------------

-- → the timeout and its end, or nothing
local function read_timeout(timeout, where)
  timeout = checks.timeout(timeout, where)
  return timeout, timeout and time() + timeout
end

local function wait_for_room(state, due)
  local seconds = due and math.min(ROOM_SECONDS, due - time()) or ROOM_SECONDS
  if seconds > 0 then state.session:await_room(seconds) end
end

-- Items are numbered, so that one whose answer was lost is put once.
local function put(self, where, value, timeout)
  local state = state_of(self)
  local seconds, due = read_timeout(timeout, where)
  local text = encode(self, state, value, where)
  local patience = due and due + (seconds == 0 and CONNECT or 0)
  state.count = state.count + 1
  local number = state.count
  while true do
    local reply, why, kind = insist(state, patience, "put", number, text, self.maxsize, self._may_reopen or false)
    if reply == "ok" then
      self._may_reopen = nil
      return true
    end
    if reply == "closed" then return nil, "closed" end
    if kind == "timeout" then return nil, "timeout" end
    if reply == nil and kind ~= "later" then checks.fail(where .. ": broker: " .. why) end
    if seconds == 0 then return nil, "full" end
    if due and time() >= due then return nil, "timeout" end
    if reply then wait_for_room(state, due) else waits.sleep(FIRST_PAUSE) end
  end
end

function Queue.put(self, ...)
  local where = check(self, "put")
  expect(select("#", ...) > 0, where, "value expected")
  return put(self, where, ...)
end

-- Items that were delivered, and never taken.
local function reclaim(self, state)
  if time() < state.look_at then return end
  state.look_at = time() + self._lease / 3
  state.session:reclaim(self._lease, function(id) return state.taken[id] ~= nil end)
end

local function is_drained(state, where)
  local depth = must(where, insist(state, nil, "depth"))
  return depth.is_closed and depth.waiting <= 0
end

local function next_item(state, due, timeout, lease, where)
  local since = time()
  local seconds = due and math.max(0, math.min(BLOCK, due - time())) or BLOCK
  if timeout == 0 then seconds = 0 end
  local item, why, kind = insist(state, due and due + CONNECT, "get", seconds)
  if item == nil and kind ~= "timeout" then checks.fail(where .. ": broker: " .. why) end
  if item then item.expires = since + lease end
  return item
end

local function get(self, where, timeout)
  local state = state_of(self)
  local seconds, due = read_timeout(timeout, where)
  while true do
    reclaim(self, state)
    local item = next_item(state, due, seconds, self._lease, where)
    if item and self:_take(state, item) then return decode(self, state, item.text, where) end
    if not item then
      if is_drained(state, where) then return nil, "closed" end
      if seconds == 0 then return nil, "empty" end
      if due and time() >= due then return nil, "timeout" end
    end
  end
end

function Queue.get(self, timeout) return get(self, check(self, "get"), timeout) end

-- Whether the item was this consumer's. An answer may get lost with a connection; when the item is gone by the next
-- attempt, the first one took it, because no other consumer can before `expires`.
local function ack(state, id, expires)
  local answer = state.session:ack(id)
  if answer then return answer == "ok" end
  answer = must("Queue", insist(state, nil, "ack", id))
  return answer == "ok" or (answer == "gone" and time() < expires)
end

function Queue._take(_, state, item) return ack(state, item.id, item.expires) end

function Queue.put_nowait(self, ...)
  local where = check(self, "put_nowait")
  expect(select("#", ...) > 0, where, "value expected")
  return put(self, where, (...), 0)
end

function Queue.get_nowait(self) return get(self, check(self, "get_nowait"), 0) end

local function depth_of(self, where) return must(where, insist(state_of(self), nil, "depth")) end

function Queue.qsize(self) return math.max(0, depth_of(self, check(self, "qsize")).waiting) end
function Queue.empty(self) return depth_of(self, check(self, "empty")).waiting <= 0 end
function Queue.full(self)
  local where = check(self, "full")
  return self.maxsize > 0 and depth_of(self, where).waiting >= self.maxsize
end

-- For all programs that have the queue. A handle that is made later may put, which opens it again.
function Queue.close(self)
  local where = check(self, "close")
  must(where, insist(state_of(self), nil, "finish"))
end
queue_meta.__close, joinable_meta.__close = Queue.close, Queue.close

function Queue.iter(self)
  local where = check(self, "iter")
  return function() return (get(self, where)) end
end

function Queue.task_done()
  checks.fail("Queue:task_done: this is a Queue, from which values are taken for good; a JoinableQueue keeps account")
end

-- JoinableQueue ------------------------------------------------------------------------------------------------------

function JoinableQueue._take(_, state, item)
  state.lease = state.lease or state.session:heartbeat()
  state.lease:add(item)
  state.taken[#state.taken + 1] = item.id
  state.taken[item.id] = true
  return true
end

-- The first taken of the values that are not done is done: true; or nil and "lost", if another
-- program has it by then.
function JoinableQueue.task_done(self)
  check(self, "task_done", "JoinableQueue")
  local state = state_of(self)
  local id = table.remove(state.taken, 1)
  if not id then checks.fail("JoinableQueue:task_done: all that this program took is done") end
  state.taken[id] = nil
  local is_done = ack(state, id, math.huge) -- a heartbeat holds it
  state.lease:remove(id)
  if not is_done then return nil, "lost" end
  return true
end

-- Until nothing waits, and all that was taken is done.
function JoinableQueue.join(self, timeout)
  local where = check(self, "join", "JoinableQueue")
  local _, due = read_timeout(timeout, where)
  local pause = 0.005
  while true do
    local depth = depth_of(self, where)
    if depth.waiting + depth.held <= 0 then return true end
    if due and time() >= due then return nil, "timeout" end
    waits.sleep(due and math.max(0, math.min(pause, due - time())) or pause)
    pause = math.min(0.1, 2 * pause)
  end
end

-- Construction -------------------------------------------------------------------------------------------------------

local function describe(self)
  return getmetatable(self).__name .. ": '" .. self._name .. "' on " .. broker.shown(self._url)
end

local function is_same(a, b) return a._url == b._url and a._name == b._name end

for _, meta in ipairs({ queue_meta, joinable_meta }) do meta.__tostring, meta.__eq = describe, is_same end

local OPTIONS = {
  broker = true, name = true, maxsize = true, secret = true, secret_file = true, password_file = true, lease = true,
}

local queue = {}

-- Queue{ broker =, name =, maxsize =, lease = }
function queue.new(kind, options)
  checks.check_options(options, OPTIONS, kind)
  local maxsize = options.maxsize
  queues.check_maxsize(kind, maxsize)
  local lease = options.lease == nil and LEASE or options.lease
  expect(type(lease) == "number" and lease >= 0.3 and lease < 2 ^ 31, kind,
    "lease: a number of seconds, 0.3 or more, expected, got " .. checks.show(lease))
  local settings = broker.read_url(options.broker, kind, options.password_file)
  local self = setmetatable({
    _url = options.broker, _password_file = options.password_file, _lease = lease,
    _name = broker.check_name(options.name, kind),
    maxsize = string.format("%d", maxsize or 0) + 0,
  }, kind == "JoinableQueue" and joinable_meta or queue_meta)
  local secrets = broker.secrets(options, settings, kind)
  local state = state_of(self)
  state.secrets = secrets
  local opened, why = state.session:open(OPEN)
  if not opened then checks.fail(kind .. ": broker: " .. settings.shown .. ": " .. why) end
  if must(kind, insist(state, nil, "depth")).is_closed then self._may_reopen = true end
  return self
end

return queue
