-- SPDX-License-Identifier: MIT
-- The worker's side of an actor: it makes the object, and runs the calls that come through the mailbox.
--
-- The mailbox is one queue, so calls of one caller run in the order of its puts. Messages:
--
--   { caller, id, name, n, arguments… }         a call; id 0: no answer is wanted
--   { caller, last id, HELLO, replies, line }   before the first call of each caller (actors/callers.lua): where its
--                                               answers go, and the worker's end of its line
--   { caller, id, STOP }                        the actor ends after the calls that came before
--
-- Answers: { id, true, n, results… }, { id, false, error }, and { 0, first } to a HELLO: the calls of this caller with
-- ids below `first`, as far as they are not answered, were taken by a worker that has died.
--
-- I1  A worker that ends, in whatever way, leaves no line and no life open: all callers see that they are cut.
-- I2  No caller keeps the worker from others: the queues of answers have no bound.
-- I3  What a method does fails its call alone, but for the end of the worker.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local waits = require("core.waits")

local pack, unpack, of_kind = checks.pack, checks.unpack, errors.of_kind

local HELLO, STOP = 1, 2
local server = { HELLO = HELLO, STOP = STOP, STOPPED = "stopped", ENDED = "ended" }

-- Whose calls a thread or worker task runs one after the other: the actor's id, by execution context.
server.running = {}

-- Answers ---------------------------------------------------------------------------------------------

-- Puts the answer of a call. One that cannot be sent is answered by the reason.
local function put_answer(caller, name, answer)
  local ok, put, why = pcall(caller.replies.put, caller.replies, answer)
  if ok and (put or why == "closed") then return end
  if waits.is_ending() then error(put, 0) end
  local reason = (ok and why or checks.bare(put)):gsub("value%[(%d+)%]", function(place)
    return "result " .. tonumber(place) - 3
  end)
  local text = ("Actor:%s: the result: %s"):format(name, reason)
  answer = { answer[1], false, of_kind("unsendable", text) }
  put, why = caller.replies:put(answer)
  if not put and why ~= "closed" then error(why, 0) end -- there is no memory: the worker ends, and its callers see that
end

-- An error with a value that cannot be sent goes without it.
local function put_failure(caller, id, err)
  local ok, put = pcall(caller.replies.put, caller.replies, { id, false, err })
  if ok and put then return end
  if waits.is_ending() then error(put, 0) end
  local bare = of_kind(err.kind, err.message, err.worker)
  bare.traceback, bare.refusal = err.traceback, err.refusal
  put_answer(caller, "", { id, false, bare })
end

-- Says that a call failed of which nobody wants the answer.
function server.report(actor, name, err)
  diagnostics.report(("%s: %s, which was sent, failed: %s"):format(native.printable(actor), name, tostring(err)))
end

local function answer(self, caller, id, name, ok, ...)
  if id == 0 then
    if not ok then server.report(self.name, name, (...)) end
  elseif not caller.replies then -- until its HELLO comes
    caller.kept[#caller.kept + 1] = pack(id, name, ok, ...)
  elseif ok then
    put_answer(caller, name, { id, true, select("#", ...), ... })
  else
    put_failure(caller, id, (...))
  end
end

-- Callers ---------------------------------------------------------------------------------------------

-- Forgets the callers that have gone: their ends of the lines are closed. The number of callers doubles between two
-- looks.
local function forget_gone(self)
  local lines, keys = {}, {}
  for key, caller in pairs(self.callers) do
    if caller.line then lines[#lines + 1], keys[#keys + 1] = caller.line, key end
  end
  local gone = native.wait_any(lines, 0) or {}
  for _, place in ipairs(gone) do
    self.callers[keys[place]] = nil
    lines[place]:close()
  end
  self.count = #lines - #gone
  self.next_look = math.max(16, 2 * self.count)
end

local function caller_of(self, key, id)
  local caller = self.callers[key]
  if not caller then
    caller = { kept = {} }
    self.callers[key] = caller
  end
  if id > 0 and not caller.first then caller.first = id end
  return caller
end

local function greet(self, message)
  local caller = caller_of(self, message[1], message[2] + 1)
  if caller.line then caller.line:close() else self.count = self.count + 1 end
  caller.replies, caller.line = message[4], message[5]
  caller.replies:put({ 0, caller.first })
  local kept = caller.kept
  caller.kept = {}
  for _, late in ipairs(kept) do answer(self, caller, unpack(late, 1, late.n)) end
  if self.count >= self.next_look and not self.is_local then forget_gone(self) end
end

-- Calls -----------------------------------------------------------------------------------------------

-- The names of the object's methods, for messages.
local function names_of(object)
  local names, at = {}, object
  for _ = 1, 10 do
    if type(at) == "table" then
      for name, value in next, at do
        if type(name) == "string" and checks.is_callable(value) then names[name] = true end
      end
    end
    local meta = getmetatable(at)
    at = type(meta) == "table" and rawget(meta, "__index")
    if type(at) ~= "table" then break end
  end
  return names
end

-- Raises what a wrong use is, to be raised again where the caller stands.
local function refuse_use(text)
  local refusal = of_kind("error", text)
  refusal.refusal = true
  error(refusal, 0)
end

function server.call_method(object, name, ...)
  local method = object[name]
  if not checks.is_callable(method) then
    local what = method == nil and "the object has no method " .. checks.guess(name, names_of(object))
      or ("'%s' is no method of the object, but a %s"):format(name, type(method))
    refuse_use(("Actor:%s: %s"):format(name, what))
  end
  return method(object, ...)
end

-- The error of a call: itself, or what it says of a wrong use, which the caller raises as its own. That of a full stack
-- is a string.
function server.refusal_in(err)
  if getmetatable(err) ~= errors.Error then return of_kind("error", errors.text_of(err)) end
  local value = err.value
  return getmetatable(value) == errors.Error and rawget(value, "refusal") and value or err
end

-- Raises the error of a call or a factory in its caller.
function server.raise(err)
  if rawget(err, "refusal") then err = of_kind("error", native.place() .. err.message) end
  errors.raise(err)
end

local function settle(self, caller, id, name, ok, ...)
  if ok then return answer(self, caller, id, name, true, ...) end
  return answer(self, caller, id, name, false, server.refusal_in((...)))
end

local function run(self, caller, message)
  local name, n = message[3], message[4]
  settle(self, caller, message[2], name,
    errors.call_here(self.name, server.call_method, self.object, name, unpack(message, 5, 4 + n)))
end

-- Runs the call as a task, beside others. caller: nil for one without an answer.
local function begin(self, caller, message)
  self.places:get()
  local task = waits.tasks.spawn(function() run(self, caller, message) end)
  task.name, task.is_reported = self.name, true
  waits.tasks.on_end(task, function()
    if task.state ~= "done" then answer(self, caller, message[2], message[3], false, task.results) end
    self.places:put(true)
  end)
end

-- The end -----------------------------------------------------------------------------------------------

local function refuse(self, message)
  if type(message[3]) ~= "string" then
    if message[3] == HELLO then return greet(self, message) end
    return answer(self, caller_of(self, message[1], message[2]), message[2], "stop", true, true)
  end
  if message[2] == 0 then return end
  answer(self, caller_of(self, message[1], message[2]), message[2], message[3], false,
    of_kind("died", ("Actor:%s: %s has stopped"):format(message[3], self.name), self.name, 0))
end

-- The calls that came before have ended. Those behind are refused: whatever was put is answered.
local function stop(self, message)
  for _ = 1, self.concurrent > 1 and self.concurrent or 0 do self.places:get() end
  self.mailbox:close()
  self.ready:put(server.STOPPED)
  local late, why = self.mailbox:get()
  while not why do
    refuse(self, late)
    late, why = self.mailbox:get()
  end
  refuse(self, message)
end

local function finish(self)
  for _, caller in pairs(self.callers) do
    if caller.line then caller.line:close() end
  end
  if not self.restarts then self.life:close() end
  self.ready:put(server.ENDED)
  server.running[self.context] = nil
end

-- Serving -----------------------------------------------------------------------------------------------

local function serve_calls(self)
  local mailbox, is_concurrent = self.mailbox, self.concurrent > 1
  while true do
    local message = mailbox:get()
    if waits.is_ending() then error("interrupted", 0) end
    if not message then return end
    local name, id = message[3], message[2]
    if name == HELLO then
      greet(self, message)
    elseif name == STOP then
      return stop(self, message)
    else
      (is_concurrent and begin or run)(self, id > 0 and caller_of(self, message[1], id) or nil, message)
    end
  end
end

function server.make_object(factory, ...)
  local object = factory(...)
  local kind = type(object)
  if kind == "table" or kind == "userdata" then return object end
  refuse_use("Actor: factory: it has to return an object, a table or a userdata, and returned " .. kind)
end

local function prepare_concurrency(self)
  require("async.init")
  self.places = native.local_queue_new("SimpleQueue")
  for _ = 1, self.concurrent do self.places:put(true) end
end

-- The worker's function. setup: id, name, mailbox, life (the worker's end), ready (a queue for true, an error, STOPPED
-- and ENDED), concurrent, restarts, is_local. ending: of a worker that shares its starter's VM.
function server.serve(setup, ending, factory, ...)
  if not setup.is_local then setup.life:poll(0) end -- a forked worker holds its end from here on
  local self = { callers = {}, count = 0, next_look = 16, context = identity.execution_context() or false }
  for key, value in pairs(setup) do self[key] = value end
  if ending then ending.finish = function() finish(self) end end
  local ok, object = errors.call_here(self.name, server.make_object, factory, ...)
  if not ok then
    object = server.refusal_in(object)
    if not pcall(self.ready.put, self.ready, object) then
      self.ready:put(of_kind(object.kind, object.message, object.worker))
    end
    return
  end
  self.object = object
  if self.concurrent > 1 then prepare_concurrency(self) else server.running[self.context] = self.id end
  self.ready:put(true)
  serve_calls(self)
end

return server
