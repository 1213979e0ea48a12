-- SPDX-License-Identifier: MIT
-- The option `cpus` of processes and pools: the processors on which a worker runs.
local require, native = ...

local checks = require("core.checks")
local worlds = require("core.worlds")

local expect = checks.expect

local processors = {}

-- A checked copy of the list.
local function read_list(where, cpus)
  local allowed, shown = {}, {}
  for i, number in ipairs(native.processors()) do allowed[number], shown[i] = true, tostring(number) end
  local list = checks.arguments(cpus, where, "cpus")
  expect(list.n > 0, where, "cpus: at least one processor expected")
  for i = 1, list.n do
    expect(allowed[list[i]], where, ("cpus: processors that this process may use (%s) expected, got %s"):format(
      table.concat(shown, ", "), checks.show(list[i])))
  end
  return list
end

-- The option: nil, a list of numbers, or, of a pool, "each".
function processors.read(where, world, cpus)
  if cpus == nil then return nil end
  local is_pool = where == "Pool"
  expect(type(cpus) == "table" or (is_pool and cpus == "each"), where,
    ("cpus: a list of processors%s expected, got %s"):format(is_pool and " or 'each'" or "", checks.show(cpus)))
  local row = worlds.get(world)
  expect(not row.is_immediate and not row.is_tasks, where,
    "cpus: not for the world " .. world .. ", whose workers run in their caller's thread")
  return cpus == "each" and cpus or read_list(where, cpus)
end

-- The processors of a pool's next worker. With "each" it is the one on which the fewest of the workers run; `of_worker`
-- has the processors of each.
function processors.of_next(cpus, workers, of_worker)
  if cpus ~= "each" then return cpus end
  local count, best = {}, nil
  for _, worker in ipairs(workers) do
    local own = of_worker[worker]
    if own then count[own[1]] = (count[own[1]] or 0) + 1 end
  end
  for _, number in ipairs(native.processors()) do
    if not best or (count[number] or 0) < (count[best] or 0) then best = number end
  end
  return { best }
end

return processors
