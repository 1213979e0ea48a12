-- SPDX-License-Identifier: MIT
-- A number in a file that several workers increment, without a lock and with one. After chapter 9 of High Performance
-- Python (Gorelick and Ozsvald).
-- Usage: file_counter.lua [WORKERS [ROUNDS]]
--
-- Without a lock two workers read the same number, and one increment is lost; that count is shown on stderr, because it
-- differs between runs. A FileLock also keeps out other programs: start this script twice with the same FILE as third
-- argument, and the number in it is right for both.
local mm = require "manymoons"

local workers, rounds = tonumber(arg[1]) or 4, tonumber(arg[2]) or 250
local path = arg[3] or os.tmpname()

local function read()
  local file = io.open(path)
  local number = file and file:read("*n") or 0
  if file then file:close() end
  return number
end

local function increment()
  local number = read()
  local file = assert(io.open(path, "w"))
  file:write(("%d\n"):format(number + 1))
  file:close()
end

local function work(count, lock)
  for _ = 1, count do
    if lock then lock:with(increment) else increment() end
  end
end

local function run(lock)
  local before, begun, started = read(), mm.time(), {}
  for i = 1, workers do
    started[i] = mm.Process(work, rounds, lock)
    started[i]:start()
  end
  for i = 1, workers do started[i]:join() end
  return read() - before, (mm.time() - begun) / workers / rounds * 1e6
end

local counted, cost = run(nil)
io.stderr:write(("without a lock %d of %d, %.0f us each\n"):format(counted, workers * rounds, cost))
counted, cost = run(mm.FileLock(path .. ".lock"))
io.stderr:write(("with a lock    %d of %d, %.0f us each\n"):format(counted, workers * rounds, cost))
print(("with a lock %d of %d"):format(counted, workers * rounds))
os.remove(path .. ".lock")
if not arg[3] then os.remove(path) end
