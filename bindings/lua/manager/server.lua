-- SPDX-License-Identifier: MIT
-- The server of a manager: it runs the requests of many clients (manager/operations.lua), one at a time.
-- manager/proxies.lua is the client side.
--
--     answer     { true, n, results… } or { false, failure }
--
-- There is one thread, so no lock. A request that has to wait is a coroutine that stands in a line; a call of the
-- script's function is a task. Answers are sent as fast as their client reads, and a slow client does not delay others.
--
-- I1  No request ends the server. What a client sends, and what an object of the script does, fails that request, or
--     at most loses that client.
-- I2  A server that ends, in whatever way, cuts all connections, so no client waits for it.
-- I3  In a round each client gets at most so many requests, bytes and milliseconds.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local objects = require("manager.objects")
local operations = require("manager.operations")
local refusals = require("manager.refusals")
local requests = require("manager.requests")
local listener = require("net.listener")

local SEND_SECONDS = 30
-- What a client gets in a round.
local ROUND_REQUESTS, ROUND_BYTES, ROUND_SECONDS = 32, 2 ^ 20, 0.005

local server = {}

-- settings: token, trust ("peer" or "data"), and the secret of the program that starts the server. waiting: object →
-- requests and calls that wait for it. ready: those that go on. calls: the tasks that run.
local function new_server(settings, is_local)
  return {
    token = settings.token, trust = settings.trust, secret = settings.secret, is_local = is_local, factories = {},
    objects = {}, ids = {}, last_id = 0, waiting = {}, ready = {}, calls = {}, clients = {}, patience = 0,
  }
end

-- Requests --------------------------------------------------------------------------------------------

local function answer(request, ok, ...)
  if ok then
    local n = select("#", ...)
    local sent, bytes = pcall(native.dumps, { true, n, ... })
    if sent then return request.reply(bytes) end
    return request.reply(native.dumps({ false, { message = "the result: " .. tostring(bytes), kind = "error" } }))
  end
  request.reply(native.dumps({ false, (...) }))
end

local function failure_of(request, err)
  local refusal = refusals.text_of(err)
  if refusal then
    return { message = refusal, kind = "error", worker = "Manager", traceback = "", is_refusal = true }
  end
  local failure = { message = errors.text_of(err), kind = "error", worker = "Manager" }
  local value = err
  if getmetatable(err) == errors.Error then -- of a call that ran as a task
    failure.message, failure.kind, failure.traceback, value = err.message, err.kind, err.traceback, err.value
  else
    failure.traceback = native.traceback(request.co)
  end
  local ok, bytes = pcall(native.dumps, refusals.text_of(value) or value)
  if ok then failure.value = bytes end
  return failure
end

-- What ends a wait of the server itself: a call has ended.
local function new_bell()
  local bell = { _waiters = waits.tasks.new_list(), is_rung = false }
  function bell._is_ready() return bell.is_rung end
  function bell.ring()
    bell.is_rung = true
    waits.tasks.wake_all(bell._waiters, true)
  end
  return bell
end

-- Runs f, a call of the script's function, as a task; the request goes on when it has ended.
local function begin_call(self, request, f)
  require("async.init")
  self.bell = self.bell or new_bell()
  local task = waits.tasks.spawn(f)
  requests.enter({ server = self, client = request.client }, task.co)
  task.is_reported = true -- the failure goes to the client
  self.calls[task] = request.client
  waits.tasks.on_end(task, function()
    self.calls[task] = nil
    request.ended = task
    table.insert(self.ready, request)
    self.bell.ring()
  end)
end

local resume

-- What the request did: it failed, it returned, or it waits. A yield of the script's own function, beside which nothing
-- may run, goes on at once.
local function go_on(self, request, ok, what, ...)
  if not ok and waits.is_ending() then error(what, 0) end
  if not ok then return answer(request, false, failure_of(request, what)) end
  if coroutine.status(request.co) == "dead" then return answer(request, true, what, ...) end
  if what == requests.CALL then return begin_call(self, request, ...) end
  if what ~= requests.WAIT then return resume(self, request) end
  local object
  object, request.ends = ...
  requests.add(self, object, request)
end

function resume(self, request, ...)
  requests.enter(request, request.co)
  return go_on(self, request, coroutine.resume(request.co, ...))
end

-- Runs f for a client. An error, for which the script and its client are not prepared, loses that client alone.
local function guard(client, f, ...)
  local ok, err = pcall(f, ...)
  if ok then return end
  if waits.is_ending() then error(err, 0) end
  client.is_lost = true
end

-- Lets what has stood in a line go on; is_over: nothing else can end its wait.
local function continue(self, waiter, is_over)
  if waiter.list then return waits.tasks.wake_all(waiter.list, is_over) end
  local ended = waiter.ended
  waiter.ended = nil
  resume(self, waiter, ended or is_over)
end

local function run_ready(self)
  while #self.ready > 0 do
    local waiter = table.remove(self.ready, 1)
    if waiter.client.is_there then guard(waiter.client, continue, self, waiter) end
  end
end

-- Begins the request in `bytes`; reply(bytes) is called once, now or later.
local function begin_request(self, client, bytes, reply)
  local request = { server = self, client = client, reply = reply }
  request.co = coroutine.create(function() return operations.run(self, bytes) end)
  resume(self, request)
  run_ready(self)
end

-- Resumes what has waited until its time came; returns the next such time.
local function expire(self)
  local now, soonest = native.time(), math.huge
  local due = {}
  for object, line in pairs(self.waiting) do
    for i = #line, 1, -1 do
      if line[i].ends <= now then
        table.insert(due, table.remove(line, i))
      else
        soonest = math.min(soonest, line[i].ends)
      end
    end
    if #line == 0 then self.waiting[object] = nil end
  end
  for _, waiter in ipairs(due) do table.insert(self.ready, waiter) end
  run_ready(self)
  return soonest
end

local function cancel_calls(self, client)
  local list = {}
  for task, its_client in pairs(self.calls) do
    if its_client == client or not client then list[#list + 1] = task end
  end
  for _, task in ipairs(list) do waits.tasks.cancel(task) end
end

-- Processes that this one has forked have the descriptor, too.
local function hang_up(client)
  client.stream:shut_down()
  client.stream:close()
end

local function forget_client(self, client)
  client.is_there = false
  hang_up(client)
  for _, line in pairs(self.waiting) do
    for i = #line, 1, -1 do
      if line[i].client == client then table.remove(line, i) end
    end
  end
  cancel_calls(self, client)
  requests.enter({ server = self, client = client })
  for id, entry in pairs(self.objects) do
    objects.abandon(entry.value, client)
    operations.let_go(self, client, id)
  end
  run_ready(self)
end

-- Clients ---------------------------------------------------------------------------------------------

-- Sends as many bytes of the answers as the socket takes now.
local function flush(client)
  while client.outgoing[1] do
    local ok, why, sent = client.stream:send(client.outgoing[1], 0, client.sent)
    if not ok then
      client.sent = sent or client.sent
      return why == "timeout"
    end
    table.remove(client.outgoing, 1)
    client.sent, client.since = 0, nil
  end
  return true
end

local function reply_to(client)
  return function(bytes)
    if not client.is_there then return end
    table.insert(client.outgoing, listener.frame(listener.VALUE, bytes))
    client.since = client.since or native.time()
    if not flush(client) then client.is_lost = true end
  end
end

-- Serves the requests that have come, as many as a round allows. True: there may be more.
local function serve_requests(self, client)
  local ends, bytes_left = native.time() + ROUND_SECONDS, ROUND_BYTES
  for _ = 1, ROUND_REQUESTS do
    local kind, bytes = listener.fetch(client.state, 0)
    if not kind then
      client.is_lost = client.is_lost or bytes ~= "timeout"
      return false
    end
    listener.drop(client.state)
    begin_request(self, client, bytes, reply_to(client))
    if client.outgoing[1] or client.is_lost then return false end
    bytes_left = bytes_left - #bytes
    if bytes_left <= 0 or native.time() >= ends then return true end
  end
  return true
end

local function serve_client(self, client)
  client.has_more = not client.outgoing[1] and serve_requests(self, client)
  if not flush(client) then client.is_lost = true end
  if client.since and native.time() - client.since > SEND_SECONDS then client.is_lost = true end
end

local function add_client(self, stream)
  stream:limit(ROUND_BYTES)
  local client = { stream = stream, outgoing = {}, sent = 0, is_there = true }
  client.state = { stream = stream, most = listener.SIZE_MOST }
  table.insert(self.clients, client)
end

local function serve_all(self, ready)
  for i = #self.clients, 1, -1 do
    local client = self.clients[i]
    native.make_way() -- to other threads of the VM: this library's code is not interrupted
    if ready[client] or client.has_more or client.outgoing[1] then guard(client, serve_client, self, client) end
    if client.is_lost then
      table.remove(self.clients, i)
      forget_client(self, client)
    end
  end
end

local ACCEPTED_MOST = 64

local function accept_all(self, own)
  for _ = 1, ACCEPTED_MOST do
    local stream = listener.step(own)
    if stream == nil then return end
    if stream then add_client(self, stream) end
  end
end

local BUSY_PAUSE = 0.005
-- Seconds for which the server polls before it sleeps, while requests follow each other: waking takes longer.
local PATIENCE = 5e-5

-- Adds what the clients are waited for by to the list; returns the time until which the wait may last.
local function watch_clients(self, list, places, now)
  local ends = math.huge
  for _, client in ipairs(self.clients) do
    if client.has_more or client.is_lost then
      ends = now
    elseif client.outgoing[1] then
      ends = math.min(ends, now + BUSY_PAUSE)
    else
      list[#list + 1] = client.stream:fileno()
      places[#list] = client
    end
  end
  return ends
end

-- Waits; returns the set of clients that can be read from, and whether the listener or a handshake is ready.
local function wait_for_work(self, own, soonest)
  local list, places, ready, now = {}, {}, {}, native.time()
  local ends = math.min(soonest, listener.watch(own, list))
  local others = #list
  ends = math.min(ends, watch_clients(self, list, places, now))
  if next(self.calls) then list[#list + 1] = self.bell end
  local timeout = ends < math.huge and math.max(0, ends - now) or nil
  local found = waits.any(list, timeout, false, self.patience)
  self.patience = native.time() - now < PATIENCE and PATIENCE or 0
  if self.bell then self.bell.is_rung = false end
  for _, place in ipairs(found) do
    if places[place] then ready[places[place]] = true end
  end
  return ready, (found[1] or others + 1) <= others or ends < math.huge
end

local function run(self, own)
  while not self.is_over do
    local ready, is_listener_ready = wait_for_work(self, own, expire(self))
    run_ready(self)
    serve_all(self, ready)
    if is_listener_ready then accept_all(self, own) end
  end
end

local function end_server(self, own)
  for _, client in ipairs(self.clients) do hang_up(client) end
  self.clients = {}
  own:close()
  cancel_calls(self)
end

-- Runs the manager's initializer, if it has one. → why it failed
local function initialize(settings)
  local run_first = settings.initializer
  if not run_first then return nil end
  local args = settings.initargs
  local ok, err = errors.call_here("Manager", run_first, checks.unpack(args, 1, args.n))
  return not ok and "initializer: " .. tostring(err.message) or nil
end

-- The worker's function: serves until a client ends the server. Puts { address =, pid = } or { why = } into `report`.
-- ending: of a worker that shares its starter's VM, which outlives it.
function server.serve(address, key, settings, report, ending)
  local made, own, why = pcall(listener.Listener, address, { authkey = key })
  if not made or not own then
    report:put({ why = tostring(why or own) })
    return
  end
  local failure = initialize(settings)
  if failure then
    own:close()
    report:put({ why = failure })
    return
  end
  local self = new_server(settings)
  if ending then ending.finish = function() end_server(self, own) end end
  report:put({ address = own.address, pid = native.pid() })
  local ok, err = pcall(run, self, own)
  end_server(self, own)
  if not ok then error(err, 0) end
end

-- Ends the waits that nothing else can end, so that their requests do not take anything later.
local function end_waits(self)
  local waiting = self.waiting
  self.waiting = {}
  for _, line in pairs(waiting) do
    for _, request in ipairs(line) do resume(self, request, true) end
  end
end

-- A server in the caller's own VM, for the serial world: a function from a request's bytes to the answer's.
function server.new_local(settings)
  local failure = initialize(settings)
  if failure then checks.fail("Manager: " .. failure) end
  local self, client = new_server(settings, true), { is_there = true }
  return function(bytes)
    local result
    begin_request(self, client, bytes, function(text) result = text end)
    while not result do
      local soonest = expire(self)
      if result then break end
      if soonest == math.huge then
        end_waits(self)
        checks.fail("Manager: this would wait for ever in the serial world")
      end
      waits.sleep(math.max(0, soonest - native.time()))
    end
    return result
  end
end

return server
