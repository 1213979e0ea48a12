-- SPDX-License-Identifier: MIT
-- brokers: none
-- Of the calls that wait for a worker, those of the highest priority run first; of equal ones the first.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local is_serial = mm.current_world() == "serial"
local order, begun, gate = mm.Queue(), mm.Event(), mm.Event()
if is_serial then gate:set() end
local function note(name) order:put(name) return name end

local first = pool:submit(function()
  begun:set()
  gate:wait()
end)
begun:wait()
local futures = {}
local function submit(name, priority)
  futures[#futures + 1] = pool:apply_async(note, { name }, { priority = priority })
end
submit("usual 1")
submit("low", 1)
submit("usual 2", 5)
submit("high", 9)
submit("higher than usual", 6)
submit("lowest", 0)
submit("high, later", 9)
local batch = pool:map_async(note, { "of a list" }, { priority = 8 })
gate:set()
first:get()
for _, future in ipairs(futures) do future:get() end
expect.equal(batch:get(), { "of a list" })
local seen = {}
for i = 1, 8 do seen[i] = order:get(expect.HANG) end
if not is_serial then
  expect.equal(seen, { "high", "high, later", "of a list", "higher than usual", "usual 1", "usual 2", "low", "lowest" })
end

-- All calls take it, and idle workers find such calls.
pool:resize(2)
for priority = 0, 9 do
  local options = { priority = priority }
  expect.equal(pool:map(math.abs, { -1, -2, 3 }, options), { 1, 2, 3 })
  expect.equal(pool:starmap(math.max, { { 1, 2 } }, options), { 2 })
  local sum = 0
  for value in pool:imap(math.abs, { -1, -2, 3 }, options) do sum = sum + value end
  expect.equal(sum, 6)
  expect.equal(pool:reduce(math.abs, { -1, -2 }, function(a, b) return a + b end, 0, options), 3)
  expect.equal(pool:apply_async(math.abs, { -4 }, { priority = priority, retries = 1 }):get(), 4)
end
for _, wrong in ipairs({ -1, 10, 1.5, "9" }) do
  expect.raises("Pool:map: priority: a whole number from 0 to 9 expected, got", pool.map, pool, print, {},
    { priority = wrong })
end

-- A call that waits is cancelled, and one whose pool closes is done.
gate:clear()
begun:clear()
if not is_serial then
  local function block()
    begun:set()
    gate:wait()
  end
  pool:resize(1)
  local blocking = pool:submit(block)
  begun:wait()
  local late, urgent = pool:apply_async(note, { "late" }, { priority = 0 }), pool:apply_async(note, { "urgent" },
    { priority = 9 })
  expect.equal(urgent:cancel(), true)
  pool:close()
  gate:set()
  blocking:get()
  expect.equal(late:get(), "late")
end
pool:close()
pool:join()
