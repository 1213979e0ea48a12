-- SPDX-License-Identifier: MIT
-- variants: release debug asan
-- What a coroutine of the script computes is charged to its function, below the function that resumed it. (TSan puts
-- signals off until the program calls the C library, so that there the samples are of such calls alone.)
local mm = require "manymoons"
local expect = require "expect"

local function burn()
  local sum = 0
  for i = 1, 2000000 do sum = sum + i % 7 end
  return sum
end

local path = "stacks.folded"

-- Until the clock of the processor has moved enough for some samples, on whatever machine.
local function resume_it()
  local begun = os.clock()
  local step = coroutine.wrap(function()
    while os.clock() - begun < 0.1 do
      burn()
      coroutine.yield(true)
    end
  end)
  while step() do end
end

local function stacks()
  local stop = assert(mm.profile(path))
  resume_it()
  assert(stop())
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- A machine that is busy may give the sampler no turn while the coroutine runs.
local text
for _ = 1, 50 do
  text = stacks()
  if text:find("burn %(") then break end
end
expect.truthy(text:find("burn %([^;]*coroutines_are_seen%.lua:%d+%)"), text)
