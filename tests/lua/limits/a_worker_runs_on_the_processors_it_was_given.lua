-- SPDX-License-Identifier: MIT
-- worlds: all
-- The option cpus of processes and pools: a list pins all workers, "each" spreads them; serial and async have no thread
-- to pin.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local has_thread = world ~= "serial" and world ~= "async"

-- The processors of the calling thread, as text: "0-1".
local function allowed()
  for line in io.lines("/proc/thread-self/status") do
    local list = line:match("^Cpus_allowed_list:%s*(%S+)")
    if list then return list end
  end
end

local before = allowed()
local first, last = before:match("^%d+"), before:match("%d+$")

if not has_thread then
  for where, class in pairs{ Process = mm.Process, Pool = mm.Pool } do
    local options = { target = where == "Process" and print or nil, cpus = { tonumber(first) } }
    local text = ": cpus: not for the world " .. world .. ", whose workers run in their caller's thread"
    expect.raises(where .. text, class, options)
  end
  return
end

for _, number in ipairs{ first, last } do
  local q = mm.Queue()
  local p = mm.Process{ target = function(out) out:put(allowed()) end, args = { q }, cpus = { tonumber(number) } }
  p:start()
  expect.equal(q:get(expect.HANG), number)
  p:join()
end

local pool = mm.Pool{ workers = 2, cpus = { tonumber(last) } }
for _ = 1, 4 do expect.equal(pool:apply(allowed), last) end
pool:terminate()

-- A list may name one more often than there are.
local often = {}
for i = 1, 5000 do often[i] = tonumber(last) end
pool = mm.Pool{ workers = 1, cpus = often }
expect.equal(pool:apply(allowed), last)
pool:terminate()

-- Each worker has one, and all of them are used; the worker that replaces another one has its processor.
local processors = 0
for from, to in before:gmatch("(%d+)%-?(%d*)") do
  processors = processors + 1 + (to ~= "" and tonumber(to) - tonumber(from) or 0)
end
pool = mm.Pool{ workers = processors, cpus = "each", maxtasksperchild = 1 }
local barrier, items = mm.Barrier(processors), {}
for i = 1, processors do items[i] = i end
local function meet()
  barrier:wait(expect.HANG)
  return allowed()
end
for _ = 1, 2 do
  local used, count = {}, 0
  for _, number in ipairs(pool:map(meet, items, { chunksize = 1 })) do
    expect.truthy(not number:find("[-,]"), number)
    if not used[number] then used[number], count = true, count + 1 end
  end
  expect.equal(count, processors)
end
pool:terminate()
expect.equal(allowed(), before)

expect.raises("Pool: cpus: a list of processors or 'each' expected, got all", mm.Pool, { cpus = "all" })
expect.raises("Process: cpus: a list of processors expected, got each", mm.Process, { target = print, cpus = "each" })
expect.raises("Pool: cpus: at least one processor expected", mm.Pool, { cpus = {} })
expect.raises("Process: cpus: processors that this process may use", mm.Process, { target = print, cpus = { 5000 } })
expect.raises("Process: cpus: processors that this process may use", mm.Process, { target = print, cpus = { "x" } })
