-- SPDX-License-Identifier: MIT
-- The streams of math.random of a pool with a seed, for workers in this VM: each item draws from one of its own, made
-- of the seed and the item's place (vm/state/random_stream.h). Workers with a VM of their own have theirs in
-- pool/pool_worker.c.
--
-- A stream of an async task goes with the task, and with the tasks that it spawns: task.stream is a table that they
-- share, with the state of the generator while none of them runs (async/scheduler.lua).
local require, native = ...

local waits = require("core.waits")

local streams = {}

-- From now on the caller draws from the stream of this place. What streams.finish takes.
function streams.begin(seed, place)
  local task = waits.current_task()
  local outer = { task = task, shared = task and task.stream, state = native.random_begin(seed, place) }
  if outer.shared then outer.shared.state = outer.state end
  if task then task.stream = {} end
  return outer
end

-- The caller draws from what it drew from before.
function streams.finish(outer)
  if outer.task then outer.task.stream = outer.shared end
  if outer.shared then outer.state = outer.shared.state end -- a task that shares it may have drawn meanwhile
  native.random_swap(outer.state)
end

local PLACES = 2 ^ 50

-- The place of the n-th call that the item at this place gives to its own pool.
function streams.child_place(place, n) return (place * 65599 + n) % PLACES end

return streams
