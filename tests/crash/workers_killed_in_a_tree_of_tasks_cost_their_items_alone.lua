-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Workers are killed while their tasks give work to the pool, wait for it, and run what others gave. With retries the
-- tree has its result all the same; without, it has its result or fails because a worker died. Nothing waits for ever.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(3)
local begun = mm.Queue()

local function tree(n, retries)
  if n % 4 == 0 then begun:put(mm.current_process().pid) end
  if n == 0 then return 1 end
  local first = pool:apply_async(tree, { n - 1, retries }, { retries = retries })
  local second = pool:apply_async(tree, { n - 1, retries }, { retries = retries })
  return first:get() + second:get()
end

local function kill_one(round)
  local victim
  for _ = 1, 1 + round * 7 % 60 do victim = begun:get(expect.HANG) end
  os.execute(("kill -9 %d 2>/dev/null"):format(victim))
end

local right, died = 0, 0
for round = 1, 12 do
  local retries = round % 2 == 0 and 1000 or 0
  local future = pool:apply_async(tree, { 8, retries }, { retries = retries })
  kill_one(round)
  local ok, result = pcall(future.get, future)
  if ok then
    right = right + 1
    expect.equal(result, 256)
  else
    died = died + 1
    expect.equal(retries, 0, "a tree with retries failed: " .. tostring(result))
    local err = result
    while err.kind == "error" and type(err.value) == "table" do err = err.value end
    expect.equal(err.kind, "died")
  end
  while begun:get_nowait() do end
end
expect.equal(right + died, 12)
expect.equal(pool:apply(tree, 6, 0), 64)
pool:close()
expect.equal(pool:join(), true)
