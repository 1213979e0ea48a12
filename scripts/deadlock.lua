-- SPDX-License-Identifier: MIT
-- Two workers move money between two accounts, each account under a lock. Usage: deadlock.lua [HOLD]
--
-- "Crosswise" each worker first locks the account that it takes from: one holds the left one and waits for the right
-- one, the other one holds the right one and waits for the left one. In a program of C or Python that is the end. Here
-- one of the two is refused within half a second, with an error that says which worker holds what, where it waits, and
-- its calls (shown on stderr). It releases what it holds, the other one goes on, and then it tries again.
-- "In one order" is the cure: both lock the left account first, whichever they take from. No wait can close a circle.
--
-- To watch it: `deadlock.lua 60` lets the workers wait with a timeout of 60 seconds, which is no deadlock, for it ends.
-- Meanwhile `manymoons top PID` shows both locks with their holders and waiters, and `manymoons stack PID` the calls of
-- both workers, down to the `acquire` in which each waits.
local mm = require("manymoons")

local hold = tonumber(arg[1])
local START, AMOUNT = 100, 10

-- Both have their first lock before one tries the second one; in `serial` one call comes after the other.
local function meet(both_hold)
  if mm.current_world() ~= "serial" then both_hold:wait() end
end

local function move(from, to, first, second, both_hold, seconds)
  local refusals = 0
  while true do
    first:acquire()
    if both_hold and refusals == 0 then meet(both_hold) end
    local ok, err = pcall(second.acquire, second, seconds)
    if ok and err then break end
    first:release() -- the way out: put down what one has, let the other go on, and begin again
    if not ok and err.kind ~= "deadlock" then error(err, 0) end
    refusals = refusals + 1
    io.stderr:write(ok and "a timeout" or tostring(err), "\n")
    mm.sleep(0.05)
  end
  from:add(-AMOUNT)
  to:add(AMOUNT)
  second:release()
  first:release()
  return refusals
end

local function run(title, is_crosswise)
  local left, right = mm.Value("i64", START), mm.Value("i64", START)
  local left_lock, right_lock = mm.Lock(), mm.Lock()
  local both_hold = is_crosswise and mm.Barrier(2) or nil
  local pool = mm.Pool(2)
  local one = pool:submit(move, left, right, left_lock, right_lock, both_hold, hold)
  local other
  if is_crosswise then
    other = pool:submit(move, right, left, right_lock, left_lock, both_hold, hold)
  else
    other = pool:submit(move, right, left, left_lock, right_lock, both_hold, hold)
  end
  local refusals = one:get() + other:get()
  pool:close()
  pool:join()
  assert(left.value == START and right.value == START, "money was lost")
  print(("%-12s 2 moves, %d and %d at the end"):format(title, left.value, right.value))
  io.stderr:write(("%-12s %d refused\n"):format(title, refusals))
end

run("crosswise", true)
run("in one order", false)
