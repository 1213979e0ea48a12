-- SPDX-License-Identifier: MIT
-- The current request of a manager's server: its server, its client, and how it waits for an object.
--
-- There is one thread, and the server sets the request before it resumes the request's coroutine (manager/server.lua).
local requests = {}

local server, client -- of the current request

function requests.set(its_server, its_client) server, client = its_server, its_client end

-- The client of the current request.
function requests.client() return client end

-- Suspends the current request until notify(object), or until the time `ends`. True: nothing can end the wait, so the
-- request has to stop waiting.
function requests.wait_on(object, ends) return coroutine.yield(object, ends) end

-- Resumes all requests that wait for the object, to check it again.
function requests.notify(object)
  local line = server.waiting[object]
  server.waiting[object] = nil
  for _, task in ipairs(line or {}) do
    task.object = nil
    table.insert(server.ready, task)
  end
end

return requests
