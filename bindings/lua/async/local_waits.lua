-- SPDX-License-Identifier: MIT
-- Tasks that wait for a queue of this VM (bindings/lua/queues/local_queue.c), of whatever thread: a list for each queue
-- and each way of waiting. The queue calls wake when something happened and it knows that tasks wait.
local require = ...

local instance = require("async.instances")

local waiters = instance("async.waiters")

local local_waits = {}

local lists = {} -- way → queue → list, also one that the last waiter left by its timeout
for _, way in ipairs({ "item", "room", "done" }) do lists[way] = setmetatable({}, { __mode = "k" }) end

function local_waits.add(waiter, q, way)
  local of = lists[way]
  local list = of[q]
  if not list then
    list = waiters.new_list()
    of[q] = list
  end
  waiters.add(list, waiter)
end

-- Wakes by wake(list), the first or all; true: some still wait.
function local_waits.wake(q, way, wake)
  local list = lists[way][q]
  if not list then return false end
  wake(list)
  if list.count > 0 then return true end
  lists[way][q] = nil
  return false
end

return local_waits
