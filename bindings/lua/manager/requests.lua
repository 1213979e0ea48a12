-- SPDX-License-Identifier: MIT
-- The requests of a manager's server, as its objects and operations see them: whose a request is, and how it waits.
--
--   request    { server =, client =, co =, reply =, who = }: a coroutine, which yields what it waits for
--   WAIT       a change of one of the server's objects, or a time
--   CALL       the end of a call of the script's function. The server runs it as a task (world `async`), so that a call
--              that waits does not keep other requests waiting
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")

local pack, unpack, running = checks.pack, checks.unpack, coroutine.running

local requests = { WAIT = {}, CALL = {} }

local of = setmetatable({}, { __mode = "k" }) -- coroutine → its request
local current = {} -- thread (false: the main one) → the request that runs outside of tasks

-- The request of a coroutine, and of the coroutines that it makes, until the next call by the same thread.
function requests.enter(request, co)
  if co then of[co] = request end
  current[native.thread() or false] = request
end

local function mine()
  local co, task = running(), waits.current_task()
  return co and of[co] or task and of[task.co] or current[native.thread() or false]
end

-- What the client says of itself in the caller's request.
function requests.introduce(who) mine().who = who end

-- The client of the caller's request.
function requests.client() return mine().client end

-- What the client calls itself in its request: { name =, place = }, which may be anything that a stranger sends.
function requests.who()
  local who = mine().who
  local function text(value, usual) return type(value) == "string" and value:sub(1, 200):gsub("%c", " ") or usual end
  if type(who) ~= "table" then who = {} end
  return { name = text(who.name, "a client"), place = text(who.place, "") }
end

-- Whether the server is one of the serial world.
function requests.is_local() return mine().server.is_local == true end

-- Adds what waits for the object: a request, or a call's { client =, ends =, list = }.
function requests.add(server, object, waiter)
  local line = server.waiting[object] or {}
  server.waiting[object] = line
  line[#line + 1] = waiter
end

-- Suspends the caller until notify(object), or until the time `ends`. True: nothing can end the wait, so the request
-- has to stop waiting.
function requests.wait_on(object, ends)
  local request = mine()
  if request.co then return coroutine.yield(requests.WAIT, object, ends) end
  local list = waits.tasks.new_list()
  requests.add(request.server, object, { client = request.client, ends = ends, list = list })
  return waits.tasks.wait_in(list)
end

-- Resumes all requests that wait for the object, to check it again.
function requests.notify(object)
  local server = mine().server
  local line = server.waiting[object]
  server.waiting[object] = nil
  for _, waiter in ipairs(line or {}) do table.insert(server.ready, waiter) end
end

-- Ends the waits of the client's other requests, as if their time were over. The caller's request has no answer.
function requests.end_waits()
  local request = mine()
  request.reply = function() end
  for _, line in pairs(request.server.waiting) do
    for i = #line, 1, -1 do
      if line[i].client == request.client then
        local waiter = table.remove(line, i)
        if waiter.list then waits.tasks.wake_all(waiter.list, true) end
        if not waiter.list then
          waiter.ended = true
          table.insert(request.server.ready, waiter)
        end
      end
    end
  end
end

local function results_of(task)
  if task.state == "done" then return unpack(task.results, 1, task.results.n) end
  error(task.results, 0)
end

-- Calls a function of the script. In the serial world the caller itself waits.
function requests.call(f, ...)
  if mine().server.is_local then return f(...) end
  local args = pack(...)
  return results_of(coroutine.yield(requests.CALL, function() return f(unpack(args, 1, args.n)) end))
end

return requests
