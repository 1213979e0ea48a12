-- SPDX-License-Identifier: MIT
-- The threads and tasks of a VM that wait for one descriptor. Whichever reads it takes what the others wait for as
-- well, and the descriptor is then silent: so the reader wakes them, and each looks again.
--
-- A set of readers: the mails of those that sleep, each a queue of this VM.
local require, native = ...

local waits = require("core.waits")
local backend = require("broker.backend")

local readers = {}

-- Until the descriptor is readable, or another reader wakes the caller; it may end early.
function readers.sleep(set, descriptor, seconds)
  if not native.has_other_threads() and not waits.has_tasks() then
    return waits.any({ descriptor }, seconds, true, backend.PATIENCE)
  end
  local mail = native.local_queue_new("SimpleQueue")
  set[mail] = true
  local ok, why = pcall(waits.any, { descriptor, mail }, seconds, true, backend.PATIENCE)
  set[mail] = nil
  if not ok then error(why, 0) end
end

-- After something was read, or the descriptor was closed.
function readers.wake(set)
  for mail in pairs(set) do
    set[mail] = nil
    mail:put_nowait(true)
  end
end

return readers
