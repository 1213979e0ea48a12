-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- What does not depend on the number of blocks, in sizes that suit a small machine.
local mm = require "manymoons"
local expect = require "expect"

-- Many sizes next to each other, more than once: memory moves from one size to the next.
for _ = 1, 2 do
  for _, case in ipairs({ { 300, 65 * 1024 }, { 40, 1100 * 1024 }, { 3, 17 * 2 ^ 20 }, { 3000, 700 } }) do
    local arrays = {}
    for i = 1, case[1] do
      arrays[i] = mm.Array("u8", case[2])
      arrays[i][case[2]] = i % 256
    end
    for i = 1, case[1] do
      expect.equal({ arrays[i][1], arrays[i][case[2]] }, { 0, i % 256 })
      arrays[i]:close()
    end
  end
end

-- Messages just over a power of two.
local q = mm.Queue()
local text = ("x"):rep(2 ^ 20 + 1)
for i = 1, 40 do expect.equal(q:put(text .. i), true) end
for i = 1, 40 do expect.equal(q:get(), text .. i) end

-- A long queue of short values, and many queues.
for i = 1, 200000 do q:put(i) end
expect.equal(q:qsize(), 200000)
for i = 1, 200000 do
  if q:get() ~= i then error("value " .. i .. " is lost") end
end
local queues = {}
for i = 1, 5000 do queues[i] = mm.Queue() end
for i = 1, 5000 do queues[i]:put(i) end
for i = 1, 5000 do expect.equal(queues[i]:get(), i) end

-- More than an array can ever have is refused by name.
expect.raises("Array: too large", function() mm.Array("u8", 2 ^ 50) end)
