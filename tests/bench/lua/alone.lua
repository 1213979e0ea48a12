-- SPDX-License-Identifier: MIT
-- Plain Lua, for the cost of running it in manymoons rather than in lua5.4. Usage: alone.lua MODE
--
--   fib, nbody, strings, tables   one thread, nothing of manymoons
--   spinners                      fib twice, by two workers of the world
local mode = arg[1]
local clock = os.clock

local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end

-- After the n-body programs of the Computer Language Benchmarks Game: five bodies attract each other.
local function nbody(steps)
  local bodies = {}
  for i = 1, 5 do bodies[i] = { x = i, y = i * 0.5, z = -i, vx = 0, vy = 0.1 * i, vz = 0, mass = 1 / i } end
  for _ = 1, steps do
    for i = 1, 5 do
      local a = bodies[i]
      for j = i + 1, 5 do
        local b = bodies[j]
        local dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
        local square = dx * dx + dy * dy + dz * dz
        local pull = 0.01 / (square * square ^ 0.5)
        a.vx, a.vy, a.vz = a.vx - dx * b.mass * pull, a.vy - dy * b.mass * pull, a.vz - dz * b.mass * pull
        b.vx, b.vy, b.vz = b.vx + dx * a.mass * pull, b.vy + dy * a.mass * pull, b.vz + dz * a.mass * pull
      end
    end
    for i = 1, 5 do
      local a = bodies[i]
      a.x, a.y, a.z = a.x + 0.01 * a.vx, a.y + 0.01 * a.vy, a.z + 0.01 * a.vz
    end
  end
end

local function strings(rounds)
  local length = 0
  for i = 1, rounds do
    local parts = {}
    for j = 1, 20 do parts[j] = ("%d:%s"):format(i * j, ("x"):rep(j)) end
    length = length + #table.concat(parts, ","):upper():gsub("X", "y")
  end
  return length
end

local function tables(rounds)
  local kept = {}
  for i = 1, rounds do kept[i % 1000 + 1] = { i, name = "n" .. i % 50, inner = { i, i + 1, i + 2 } } end
  return kept
end

local work = {
  fib = function() fib(33) end,
  nbody = function() nbody(250000) end,
  strings = function() strings(40000) end,
  tables = function() tables(1500000) end,
}

if mode == "spinners" then
  local mm = require("manymoons")
  local start, workers = mm.time(), {}
  for i = 1, 2 do
    workers[i] = mm.Process(function() fib(32) end)
    workers[i]:start()
  end
  for i = 1, 2 do workers[i]:join() end
  print("time", mm.time() - start, "s")
else
  local start = clock()
  work[mode]()
  print("time", clock() - start, "s")
end
