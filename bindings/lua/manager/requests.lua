-- SPDX-License-Identifier: MIT
-- The request that a manager's server runs now: its server and its client; and how a request waits for an object.
--
-- One thread: the server sets the request before it resumes the request's coroutine (manager/server.lua).
local requests = {}

local server, client -- of the request that runs

function requests.set(its_server, its_client) server, client = its_server, its_client end

-- The client that asks.
function requests.client() return client end

-- Suspends the request until notify(object), or until the time `ends`. True: nothing will ever end the wait, and the
-- request must.
function requests.wait_on(object, ends) return coroutine.yield(object, ends) end

-- All requests that wait for the object look again.
function requests.notify(object)
  local line = server.waiting[object]
  server.waiting[object] = nil
  for _, task in ipairs(line or {}) do
    task.object = nil
    table.insert(server.ready, task)
  end
end

return requests
