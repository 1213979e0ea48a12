-- SPDX-License-Identifier: MIT
-- The server of a manager: it keeps objects by number, and runs the requests of many clients, one at a time.
-- manager/proxies.lua is the client side.
--
--     request    { n =, op, id, … }
--     answer     { true, n, results… } or { false, failure }
--     result     nil, a boolean, a number, a string; { value = copy }; { id =, kind = }: an object that stays here;
--                { method = kind }: a method of its kind; { callable = true }: a function that stays here
--
-- Requests come from peers, who hold the key: they may bring functions, which run here. With trust = "data" they are
-- decoded as those of strangers: they bring data alone, and { [ID] = number } for each proxy (manager/proxies.lua).
-- The program that started the server then signs what it registers, with a secret that no client has.
--
-- There is one thread, so no lock. Answers are sent as fast as their client reads, and a slow client does not delay
-- others.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local objects = require("manager.objects")
local proxies = require("manager.proxies")
local requests = require("manager.requests")
local listener = require("net.listener")

local unpack, pack = checks.unpack, checks.pack

local SEND_SECONDS, ARGUMENTS_MOST = 30, 200

local server = {}

-- settings: token, trust ("peer" or "data"), and the secret of the program that starts the server
local function new_server(settings)
  return {
    token = settings.token, trust = settings.trust, secret = settings.secret, factories = {}, objects = {}, ids = {},
    last_id = 0, waiting = {}, ready = {}, clients = {},
    patience = 0,
  }
end

-- Objects ---------------------------------------------------------------------------------------------

-- The reference to an object, which gets a number if it has none. Root objects, made by name, are kept for ever; others
-- as long as a client has a proxy.
local function number_of(self, value, kind, is_root)
  local id = self.ids[value]
  if not id then
    id = self.last_id + 1
    self.last_id, self.ids[value] = id, id
    self.objects[id] = { value = value, kind = kind or (type(value) == "table" and not getmetatable(value) and "table")
      or "object", holders = {} }
  end
  local entry = self.objects[id]
  entry.is_root = entry.is_root or is_root
  local client = requests.client()
  if client then entry.holders[client] = true end
  return { id = id, kind = entry.kind }
end

local function let_go(self, client, id)
  local entry = self.objects[id]
  if not entry then return end
  entry.holders[client] = nil
  if entry.is_root or next(entry.holders) then return end
  self.objects[id], self.ids[entry.value] = nil, nil
end

local function entry_of(self, id)
  return self.objects[id] or error("the object is not there any more", 0)
end

-- Replaces proxies of this server by their objects, also inside tables.
local function resolve(self, value, seen)
  if type(value) ~= "table" then return value end
  local id = proxies.id_of(value, self.token) or (self.trust == "data" and proxies.named_id(value))
  if id then return entry_of(self, id).value end
  if getmetatable(value) or seen[value] then return value end
  seen[value] = true
  for key, inner in pairs(value) do
    if type(inner) == "table" then value[key] = resolve(self, inner, seen) end
  end
  return value
end

local function export(self, value)
  local kind = type(value)
  if kind == "table" or kind == "userdata" then return number_of(self, value) end
  if kind == "function" then return { callable = true } end
  return value
end

-- The result of a call: a copy, or a reference if the value cannot be copied. A root object that is returned by a
-- function of the script, and not by a built-in method, is sent as a reference.
local function export_copy(self, value, is_method)
  local kind = type(value)
  if kind ~= "table" and kind ~= "userdata" and kind ~= "function" then return value end
  local entry = self.objects[self.ids[value] or false]
  if entry and (entry.kind == "object" or (entry.is_root and not is_method)) then return number_of(self, value) end
  if pcall(native.dumps, value) then return { value = value } end
  return number_of(self, value)
end

local function copies(self, is_method, ...)
  local results = pack(...)
  for i = 1, results.n do results[i] = export_copy(self, results[i], is_method) end
  return unpack(results, 1, results.n)
end

-- Requests --------------------------------------------------------------------------------------------

local ops = {}

function ops.create(self, name, ...)
  local factory = self.factories[name] or objects.factories[name]
  if not factory then error("Manager: nothing is registered as '" .. tostring(name) .. "'", 0) end
  local value, kind = factory(...)
  if value == nil then error("Manager: '" .. name .. "' returned nothing", 0) end
  if self.factories[name] then kind = nil end
  local is_object = type(value) == "table" or type(value) == "userdata" or type(value) == "function"
  if not is_object then return value end
  return number_of(self, value, kind, true)
end

-- Raises unless the program that started the server sent the strings: what it alone may do with trust = "data".
local function must_be_signed(self, op, signature, ...)
  local is_signed = type(signature) == "string"
  for i = 1, select("#", ...) do is_signed = is_signed and type((select(i, ...))) == "string" end
  if not is_signed or not native.is_same(signature, native.sign(self.secret, "manymoons " .. op .. " 1", ...)) then
    error("Manager:" .. op .. ": with trust = \"data\" the program that started the manager may, and no client", 0)
  end
end

-- The factory; or with trust = "data" its bytes.
function ops.register(self, name, factory, signature)
  if self.trust == "data" then
    must_be_signed(self, "register", signature, name, factory)
    factory = native.loads_from("own program", factory)
  end
  self.factories[name] = factory
end

function ops.index(self, id, key)
  local entry = entry_of(self, id)
  local value = entry.value[key]
  if value == nil and key ~= nil then
    local methods = objects.methods[entry.kind]
    if methods and methods[key] then return { method = entry.kind } end
  end
  return export(self, value)
end

function ops.newindex(self, id, key, value) entry_of(self, id).value[key] = value end

function ops.call(self, id, name, ...)
  local entry = entry_of(self, id)
  if name == nil then return copies(self, false, entry.value(...)) end
  return copies(self, false, entry.value[name](...))
end

function ops.method(self, id, name, ...)
  local entry = entry_of(self, id)
  local methods = objects.methods[entry.kind]
  local method = methods and methods[name] or error("no method '" .. tostring(name) .. "'", 0)
  return copies(self, true, method(entry.value, ...))
end

function ops.len(self, id) return #entry_of(self, id).value end

-- the keys and values at this moment
function ops.pairs(self, id)
  local list = {}
  for key, value in pairs(entry_of(self, id).value) do
    list[#list + 1] = { type(key) == "table" and export(self, key) or key, export(self, value) }
  end
  return { value = list }
end

local function show(value, depth)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" or getmetatable(value) then return tostring(value) end
  if depth > 3 then return "{…}" end
  local parts, count = {}, #value
  for i = 1, count do parts[i] = show(value[i], depth + 1) end
  for key, inner in pairs(value) do
    local is_in_list = type(key) == "number" and key >= 1 and key <= count and key % 1 == 0
    local is_name = type(key) == "string" and key:match("^[%a_][%w_]*$")
    if not is_in_list then
      parts[#parts + 1] = (is_name and key or "[" .. show(key, depth + 1) .. "]") .. " = " .. show(inner, depth + 1)
    end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

function ops.show(self, id) return show(entry_of(self, id).value, 1) end

function ops.drop(self, ...)
  for _, id in ipairs({ ... }) do let_go(self, requests.client(), id) end
end

function ops.count_objects(self)
  local count = 0
  for _ in pairs(self.objects) do count = count + 1 end
  return count
end

function ops.token(self) return self.token, self.trust end

function ops.shutdown(self, signature)
  if self.trust == "data" then must_be_signed(self, "shutdown", signature) end
  self.is_over = true
end

-- Tasks -----------------------------------------------------------------------------------------------

local function answer(task, ok, ...)
  if ok then
    local n = select("#", ...)
    local sent, bytes = pcall(native.dumps, { true, n, ... })
    if sent then return task.reply(bytes) end
    return task.reply(native.dumps({ false, { message = "the result: " .. tostring(bytes), kind = "error" } }))
  end
  task.reply(native.dumps({ false, (...) }))
end

local function failure_of(task, err)
  local failure = {
    message = errors.text_of(err),
    traceback = debug.traceback(task.co):gsub("^\n", ""), kind = "error", worker = "Manager",
  }
  local ok, value = pcall(native.dumps, err)
  if ok then failure.value = value end
  return failure
end

-- Resumes a request's coroutine, which then has ended, or waits for an object.
local function step(self, task, ...)
  requests.set(self, task.client)
  local results = pack(coroutine.resume(task.co, ...))
  if not results[1] then
    answer(task, false, failure_of(task, results[2]))
  elseif coroutine.status(task.co) == "dead" then
    answer(task, true, unpack(results, 2, results.n))
  else
    task.object, task.ends = results[2], results[3]
    self.waiting[task.object] = self.waiting[task.object] or {}
    table.insert(self.waiting[task.object], task)
  end
end

local function run_ready(self)
  while #self.ready > 0 do
    local task = table.remove(self.ready, 1)
    if task.client.is_there then step(self, task) end
  end
end

local function run_request(self, op, ...)
  local arguments = pack(...)
  for i = 1, arguments.n do arguments[i] = resolve(self, arguments[i], {}) end
  return op(self, unpack(arguments, 1, arguments.n))
end

local function read_request(self, bytes)
  if self.trust ~= "data" then return native.loads_from("peer", bytes) end
  local ok, request = pcall(native.loads_from, "stranger", bytes)
  if not ok then error("Manager: with trust = \"data\" clients send data alone: " .. tostring(request), 0) end
  return request
end

-- Begins the request in `bytes`; reply(bytes) is called once, now or later.
local function begin_request(self, client, bytes, reply)
  local task = { client = client, reply = reply }
  task.co = coroutine.create(function()
    local request = read_request(self, bytes)
    local n = type(request) == "table" and request.n
    local op = type(n) == "number" and n >= 1 and n <= ARGUMENTS_MOST and ops[request[1]]
    if not op then error("Manager: no such request", 0) end
    return run_request(self, op, unpack(request, 2, n))
  end)
  step(self, task)
  run_ready(self)
end

-- Resumes the requests whose timeout has come; returns the time of the next timeout.
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
  for _, task in ipairs(due) do table.insert(self.ready, task) end
  run_ready(self)
  return soonest
end

local function forget_client(self, client)
  client.is_there = false
  if client.stream then client.stream:close() end
  for _, line in pairs(self.waiting) do
    for i = #line, 1, -1 do
      if line[i].client == client then table.remove(line, i) end
    end
  end
  requests.set(self, client)
  for id, entry in pairs(self.objects) do
    local meta = getmetatable(entry.value)
    local abandon = type(meta) == "table" and type(meta.__index) == "table" and rawget(meta.__index, "abandon")
    if abandon and entry.kind == "object" then abandon(entry.value, client) end
    let_go(self, client, id)
  end
  run_ready(self)
end

-- Clients ---------------------------------------------------------------------------------------------

-- Sends as many bytes of the answers as the socket takes now.
local function flush(client)
  while client.outgoing[1] do
    local ok, why, sent = client.stream:send(client.outgoing[1], 0, client.sent)
    if not ok then
      client.sent = client.sent + (sent or 0)
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

local function serve_client(self, client)
  repeat
    local kind, bytes = listener.fetch(client.state, 0)
    if not kind then
      if bytes ~= "timeout" then client.is_lost = true end
      break
    end
    listener.drop(client.state)
    begin_request(self, client, bytes, reply_to(client))
  until client.outgoing[1] or not client.stream:has_some()
  if not flush(client) then client.is_lost = true end
  if client.since and native.time() - client.since > SEND_SECONDS then client.is_lost = true end
end

local function add_client(self, stream)
  local client = { stream = stream, outgoing = {}, sent = 0, is_there = true }
  client.state = { stream = stream, most = listener.SIZE_MOST }
  table.insert(self.clients, client)
end

local function serve_all(self, ready)
  for i = #self.clients, 1, -1 do
    local client = self.clients[i]
    if ready[client] or client.outgoing[1] then serve_client(self, client) end
    if client.is_lost then
      table.remove(self.clients, i)
      forget_client(self, client)
    end
  end
end

local function accept_all(self, own)
  for _ = 1, 64 do
    local stream = listener.step(own)
    if stream == nil then return end
    if stream then add_client(self, stream) end
  end
end

local BUSY_PAUSE = 0.005
-- Seconds for which the server polls before it sleeps, while requests follow each other: waking takes longer.
local PATIENCE = 5e-5

-- Waits; returns the set of clients that can be read from, and whether the listener or a handshake is ready.
local function wait_for_work(self, own, soonest)
  local list, places, ready, now = {}, {}, {}, native.time()
  local ends = math.min(soonest, listener.watch(own, list))
  local others = #list
  for _, client in ipairs(self.clients) do
    if client.outgoing[1] then
      ends = math.min(ends, now + BUSY_PAUSE)
    else
      list[#list + 1] = client.stream:fileno()
      places[#list] = client
    end
  end
  local timeout = ends < math.huge and math.max(0, ends - now) or nil
  local found = waits.any(list, timeout, false, self.patience)
  self.patience = native.time() - now < PATIENCE and PATIENCE or 0
  for _, place in ipairs(found) do
    if places[place] then ready[places[place]] = true end
  end
  return ready, (found[1] or others + 1) <= others or ends < math.huge
end

-- The worker's function: serves until a client ends the server. Puts { address =, pid = } or { why = } into `report`.
function server.serve(address, key, settings, report)
  local own, why = listener.Listener(address, { authkey = key })
  if not own then
    report:put({ why = why })
    return
  end
  local self = new_server(settings)
  report:put({ address = own.address, pid = native.pid() })
  while not self.is_over do
    local ready, is_listener_ready = wait_for_work(self, own, expire(self))
    serve_all(self, ready)
    if is_listener_ready then accept_all(self, own) end
  end
  for _, client in ipairs(self.clients) do client.stream:close() end
  own:close()
end

-- Ends the waits that nothing else can end, so that their requests do not take anything later.
local function end_waits(self)
  local waiting = self.waiting
  self.waiting = {}
  for _, line in pairs(waiting) do
    for _, task in ipairs(line) do step(self, task, true) end
  end
end

-- A server in the caller's own VM, for the serial world: a function from a request's bytes to the answer's.
function server.new_local(settings)
  local self, client = new_server(settings), { is_there = true }
  return function(bytes)
    local result
    begin_request(self, client, bytes, function(text) result = text end)
    while not result do
      local soonest = expire(self)
      if result then break end
      if soonest == math.huge then
        end_waits(self)
        error("Manager: this would wait for ever in the serial world", 0)
      end
      waits.sleep(math.max(0, soonest - native.time()))
    end
    return result
  end
end

return server
