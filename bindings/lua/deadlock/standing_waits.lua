-- SPDX-License-Identifier: MIT
-- A wait in slices that nothing but this program ends, as one of C looks (deadlock/endless_wait.h): the waits of the
-- calling thread in one loop, one after the other, in which nothing happens, are one.
--
--   standing    of the loop, {} at its beginning; its `wait` is made once it has lasted for a moment, since `since`
local _, native = ...

local standing_waits = { LOOK_EVERY = 0.25 } -- seconds between two looks

-- The loop is about to wait; or it ends, or waits for something that ends by itself (is_endless is false).
function standing_waits.begin(standing, is_endless)
  if not is_endless then
    if standing.wait then standing.wait:finish() end
    standing.since = nil
  elseif standing.wait then
    standing.wait:begin()
  else
    standing.since = standing.since or native.time()
  end
end

-- The wait is over; raises where the program stands still.
function standing_waits.finish(standing, has_found_nothing)
  if not standing.since then return end
  if not has_found_nothing then
    standing.since = nil
    if standing.wait then standing.wait:finish() end
  elseif standing.wait or native.time() - standing.since >= standing_waits.LOOK_EVERY then
    standing.wait = standing.wait or native.standing_wait()
    standing.wait:look()
  end
end

return standing_waits
