-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- quick: no
-- Workers take several locks in one order, hold them for longer than a wait needs to be looked at, and are killed: no
-- wait of theirs is a deadlock.
local mm = require "manymoons"
local expect = require "expect"

local WORKERS, LOCKS, SECONDS = 6, 4, 4

local function take_some(locks, rwlock, seed, until_when, out)
  local draw = seed
  local function random(n)
    draw = (draw * 16807) % 2147483647
    return draw % n + 1
  end
  local rounds = 0
  while mm.time() < until_when do
    local first = random(#locks)
    local last = math.min(#locks, first + random(2) - 1)
    for i = first, last do locks[i]:acquire() end
    local use = random(3) == 1 and "write" or "read"
    rwlock["acquire_" .. use](rwlock)
    mm.sleep(random(8) == 1 and 0.15 or random(4) / 2000)
    rwlock["release_" .. use](rwlock)
    for i = last, first, -1 do locks[i]:release() end
    rounds = rounds + 1
  end
  out:put(rounds)
end

local locks, rwlock, results = {}, mm.RWLock(), mm.Queue()
for i = 1, LOCKS do locks[i] = i % 2 == 0 and mm.RLock() or mm.Lock() end
local until_when, workers = mm.time() + SECONDS, {}
for i = 1, WORKERS do
  workers[i] = mm.Process(take_some, locks, rwlock, i * 7919, until_when, results)
  workers[i]:start()
end

-- One dies with what it holds; the next holder goes on.
local can_die = mm.current_world() == "processes"
if can_die then
  mm.sleep(1)
  workers[1]:kill()
end
for i = 1, WORKERS do
  expect.truthy(workers[i]:join(expect.HANG))
  if i > 1 or not can_die then expect.equal(workers[i].exitcode, 0, "worker " .. i) end
end
local count = 0
while results:qsize() > 0 do
  expect.truthy(results:get() > 0)
  count = count + 1
end
expect.truthy(count >= (can_die and WORKERS - 1 or WORKERS), count)
