-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local WORKERS, ROUNDS = 3, 3000
local count, locked, array, total = mm.Value("i64"), mm.Value("f64"), mm.Array("i32", WORKERS), mm.Value("u32")

local workers = {}
for i = 1, WORKERS do
  workers[i] = mm.Process(function(c, l, a, t, me, rounds)
    local lock = l:lock()
    for _ = 1, rounds do
      c:add(1)
      lock:acquire()
      l.value = l.value + 0.5
      lock:release()
      a[me] = a[me] + 1
      t:max(me)
    end
  end, count, locked, array, total, i, ROUNDS)
  workers[i]:start()
end
for i = 1, WORKERS do workers[i]:join() end
expect.equal({ count.value, locked.value, total.value }, { WORKERS * ROUNDS, WORKERS * ROUNDS / 2, WORKERS })
expect.equal(array:slice(), { ROUNDS, ROUNDS, ROUNDS })

-- Through queues and pools; two handles of one array are equal, and the array lives as long as there is a handle.
local q = mm.Queue()
q:put({ array, count })
local got = q:get()
expect.truthy(got[1] == array and got[2] == count)
got[1][1] = 77
expect.equal(array[1], 77)
if mm.current_world() ~= "threads" and mm.current_world() ~= "async" then
  array:close()
  expect.equal(got[1][1], 77)
end
local pool = mm.Pool(2)
expect.equal(pool:map(function(c) return c:add(1) > 0 end, { count, count }), { true, true })
pool:close()
pool:join()
expect.equal(count.value, WORKERS * ROUNDS + 2)

-- The lock outlives the worker that asked for it first, and is destroyed with its array.
if mm.current_world() ~= "serial" then
  local value = mm.Value("i32")
  local first = mm.Process(function(v) v:lock():acquire() end, value)
  first:start()
  first:join()
  expect.equal({ value:lock():acquire(expect.HANG) }, { true, "abandoned" })
end
