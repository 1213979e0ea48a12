-- SPDX-License-Identifier: MIT
-- worlds: processes
-- An actor's worker is killed while it takes, runs and answers calls of several callers. Each call ends, with its own
-- result or as "died"; later calls go to the next worker; each caller's calls keep their order in each worker.
local mm = require "manymoons"
local expect = require "expect"

local ROUNDS, CALLERS = 8, 2

local function make(pids)
  local object, last = {}, {}
  pids:put(require("manymoons").current_process().pid)
  function object.echo(_, who, i, text)
    local before = last[who] or 0
    last[who] = i
    return i, text, before < i
  end
  return object
end

local pids = mm.Queue()
local actor = mm.Actor({ factory = make, args = { pids }, restart = "always", name = "target", maxsize = 50 })

local function call(target, who, is_over, result)
  local done, died, i = 0, 0, 0
  while not is_over:is_set() do
    local futures, text = {}, ("payload "):rep(i % 100)
    for n = 1, 10 do futures[n] = target:submit("echo", who, i + n, text) end
    target:send("echo", who, i + 11, "")
    for n, future in ipairs(futures) do
      local ok, number, back, is_in_order = pcall(future.get, future)
      if ok then
        done = done + 1
        assert(number == i + n and back == text and is_in_order, "an answer of another call")
      else
        died = died + 1
        assert(number.kind == "died", tostring(number))
      end
    end
    i = i + 11
  end
  assert(target:echo(who, i + 1, "last") == i + 1)
  result:put({ done, died })
end

local is_over, result, callers = mm.Event(), mm.Queue(), {}
for i = 1, CALLERS do
  callers[i] = mm.Process(call, actor, "caller " .. i, is_over, result)
  callers[i]:start()
end
for round = 1, ROUNDS do
  local pid = pids:get(expect.HANG)
  local futures = {}
  for i = 1, round % 4 * 20 do futures[i] = actor:submit("echo", "maker", round * 1000 + i, "x") end
  os.execute("kill -9 " .. pid)
  for _, future in ipairs(futures) do pcall(future.get, future) end
end
is_over:set()
for i = 1, CALLERS do
  local counts = result:get(expect.HANG)
  expect.truthy(counts and counts[1] > 0, "a caller had answers")
  expect.equal(callers[i]:join(expect.HANG), true)
end
expect.equal(actor:echo("maker", 1e6, "still there"), 1e6)
expect.equal(actor:stop(), true)

-- Without a restart all callers see the end, and a caller that is killed takes nothing with it.
actor = mm.Actor({ factory = make, args = { pids }, name = "mortal" })
while pids:qsize() > 1 do pids:get() end
local function call_until_end(target, who, out)
  local ok, err
  local i = 0
  repeat
    i = i + 1
    ok, err = pcall(target.echo, target, who, i, "x")
    if i == 5 then out:put(who) end
  until not ok
  out:put(err.kind)
end
local last = {}
for i = 1, 3 do
  last[i] = mm.Process(call_until_end, actor, i, result)
  last[i]:start()
end
for _ = 1, 3 do expect.truthy(result:get(expect.HANG)) end
last[1]:kill()
expect.equal(last[1]:join(expect.HANG), true)
expect.equal(actor:echo("maker", 1, "x"), 1)
os.execute("kill -9 " .. pids:get(expect.HANG))
expect.equal({ result:get(expect.HANG), result:get(expect.HANG) }, { "died", "died" })
for i = 2, 3 do last[i]:join() end
expect.equal(expect.raises("killed by signal 9", actor.echo, actor, "maker", 2, "x").exitcode, -9)
