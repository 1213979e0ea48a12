-- SPDX-License-Identifier: MIT
-- The metatable of pools, and how a pool travels: to its own workers alone, whose tasks may give it work. There it is
-- the pool as its tasks have it (pool/forks/forks.lua). It goes by its id.
--
--   pool._config.forks   of a pool that travels: id; and what its workers have to know of it (pool/forks/apart.lua)
local _, native = ...

local meta = { __name = "Pool" }

-- receive() → the pool of this worker, as its tasks have it; api.lua sets it, because a program without pools loads
-- nothing of them.
local travelling = { meta = meta, receive = nil }

local destination -- the id of the pool for whose worker values are being encoded

local function finish(before, ok, ...)
  destination = before
  if not ok then error(..., 0) end
  return ...
end

-- f(…), which encodes values for the workers of the pool with that id.
function travelling.send(id, f, ...)
  local before = destination
  destination = id
  return finish(before, pcall(f, ...))
end

-- The metatable itself says that the object does not travel.
function meta.__mm_send(self)
  local forks = self._config and self._config.forks
  if not forks or forks.id ~= destination then return meta end
  return forks.id
end

function meta.__mm_receive(id)
  local forks = native.pool_forks()
  if forks and forks.id == id then return travelling.receive() end
  error("a Pool that is not the receiver's own", 0)
end

return travelling
