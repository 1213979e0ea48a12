-- SPDX-License-Identifier: MIT
-- One large array in shared memory whose rows are filled by several workers: it is there once, whatever their number.
-- After chapter 9 of High Performance Python (Gorelick and Ozsvald).
-- Usage: shared_rows.lua [MEGABYTES [WORKERS]]; Linux
--
-- Each task gets the array, which costs the same to send at any size, and the number of a row. The memory of the
-- program and its workers is shown on stderr: PSS, in which a shared page counts once.
local mm = require "manymoons"

local megabytes, workers = tonumber(arg[1]) or 1024, tonumber(arg[2]) or 4
local rows = 64
local columns = math.floor(megabytes * 2 ^ 20 / 8 / rows)
local array = mm.Array("f64", rows * columns)

local function pss(pid)
  local file = io.open("/proc/" .. pid .. "/smaps_rollup")
  local kilobytes = file and file:read("*a"):match("\nPss:%s+(%d+)")
  if file then file:close() end
  return (tonumber(kilobytes) or 0) / 1024
end

-- Fills a row with its number, and adds up a few of its elements as another worker would find them.
local function fill(row)
  local from = (row - 1) * columns + 1
  array:fill(row, from, from + columns - 1)
  local sum = 0
  for i = from, from + columns - 1, math.max(1, math.floor(columns / 100)) do sum = sum + array[i] - row end
  mm.sleep(0.001)
  return mm.current_process().pid, sum
end

local list = {}
for row = 1, rows do list[row] = row end
local pool = mm.Pool(workers)
local pids, off = { [mm.current_process().pid] = true }, 0
for _, result in ipairs(pool:map(function(row) return { fill(row) } end, list, { chunksize = 1 })) do
  pids[result[1]] = true
  off = off + result[2]
end
local all = 0
for pid in pairs(pids) do all = all + pss(pid) end
io.stderr:write(("an array of %d MB, %.0f MB in the program and its workers\n"):format(megabytes, all))
pool:close()
pool:join()

for row = 1, rows do
  assert(array[(row - 1) * columns + 1] == row and array[row * columns] == row, "a row is not filled")
end
print(("%d rows are filled, %g wrong elements"):format(rows, off))
