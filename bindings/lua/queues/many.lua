-- SPDX-License-Identifier: MIT
-- Several items, or several queues, at a time: put_many, get_many, shutdown and select, on the methods that each queue
-- has.
local require, native = ...

local checks = require("core.checks")

local expect, time = checks.expect, native.time

local many = {}

local function left_of(due) return due and math.max(0, due - time()) end

-- put_many, get_many and shutdown for a class of queues. check(self, method) raises unless `self` is one, and returns
-- what the script calls the method. put_batch and take_batch (queues/queue.h) put and take what they can in one step.
function many.add_to(methods, check, put_batch, take_batch)
  -- Puts the items in their order: true; or nil, why, and how many were put.
  function methods.put_many(self, list, timeout)
    local where = check(self, "put_many")
    expect(type(list) == "table" and not getmetatable(list), where, "argument 1: a list expected, got " .. type(list))
    timeout = checks.timeout(timeout, where)
    local due = timeout and time() + timeout
    local i, last = 1, checks.length(list, where, "argument 1")
    while true do
      if put_batch then i = put_batch(self, list, i, last) end
      if i > last then return true end
      local put, why = self:put(list[i], timeout == 0 and 0 or left_of(due))
      if not put then return nil, why, i - 1 end
      i = i + 1
    end
  end

  -- A list of 1 to n items: waits for the first one, and takes the others if they are there. Or nil and why.
  function methods.get_many(self, n, timeout)
    local where = check(self, "get_many")
    expect(checks.is_whole(n, 1), where, "argument 1: a whole number, 1 or more, expected, got " .. checks.show(n))
    local list, item, why = take_batch and take_batch(self, n)
    if not list or list.n == 0 then
      item, why = self:get(checks.timeout(timeout, where))
      if why then return nil, why end
      list = take_batch and take_batch(self, n, item) or { n = 1, item }
    end
    while list.n < n do
      item, why = self:get(0)
      if why then break end
      list.n = list.n + 1
      list[list.n] = item
    end
    return list
  end

  -- Closes the queue, and takes out what is in it if `immediate`.
  function methods.shutdown(self, immediate)
    local where = check(self, "shutdown")
    checks.switch(immediate, where, "immediate")
    self:close()
    local counts_unfinished = getmetatable(self).__name == "JoinableQueue"
    while immediate do
      local _, why = self:get(0)
      if why then return end
      if counts_unfinished then self:task_done() end
    end
  end
end

local classes = { Queue = true, SimpleQueue = true, JoinableQueue = true, PriorityQueue = true }

for class in pairs(classes) do
  local function check(self, method)
    local where = class .. ":" .. method
    checks.handle(self, class, where)
    return where
  end
  many.add_to(native.queue_methods(class), check, native.queue_put_batch, native.queue_take_batch)
  many.add_to(native.local_queue_methods(class), check)
end

-- An item of one of the ready queues, and the queue; nil: another caller was faster.
local function take_from(ready, closed)
  for _, queue in ipairs(ready) do
    local item, why = queue:get(0)
    if why == nil then return queue, item end
    if why == "closed" then closed[queue] = true end
  end
end

-- Those that are open; each turn begins with another one, so that a busy queue hides none.
local function open_ones(queues, closed, turn)
  local open = {}
  for i = 1, #queues do
    local queue = queues[(i + turn - 1) % #queues + 1]
    if not closed[queue] then open[#open + 1] = queue end
  end
  return open
end

local function check_queues(queues)
  expect(type(queues) == "table" and not getmetatable(queues) and #queues > 0, "select",
    "argument 1: a list of queues expected, got " .. (type(queues) == "table" and "an empty one" or type(queues)))
  for i, queue in ipairs(queues) do
    local meta = type(queue) == "userdata" and getmetatable(queue)
    expect(type(meta) == "table" and classes[meta.__name], "select",
      "queue " .. i .. ": a queue expected, got " .. checks.show(queue))
  end
end

local turn = 0

-- select(queues, timeout) → a queue and the item that was taken from it; or nil and "timeout", or "closed": all are.
function many.select(wait, queues, timeout)
  check_queues(queues)
  timeout = checks.timeout(timeout, "select")
  local due, closed = timeout and time() + timeout, {}
  turn = turn + 1
  while true do
    local open = open_ones(queues, closed, turn)
    if #open == 0 then return nil, "closed" end
    local ready, why = wait(open, left_of(due))
    if why then return nil, why end
    local queue, item = take_from(ready, closed)
    if queue then return queue, item end
  end
end

return many
