-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- All workers read the one copy of a frozen table, and the death of its maker and of its readers leaves none of it.
local mm = require "manymoons"
local expect = require "expect"
local measures = require "measures"

local READ, SENT, ROUNDS = 20000, 4000, 12

local function make_records(count)
  local records = {}
  for i = 1, count do records[i] = { id = i, name = "name " .. i, price = i * 1.5, tags = { "a", "b" } } end
  return records
end

local function kib_of(f, ...)
  collectgarbage()
  local before = measures.segment_kib()
  local result = f(...)
  return measures.segment_kib() - before, result
end

-- Readers need no copy, in shared memory or in their own.
local size, frozen = kib_of(function() return mm.freeze(make_records(READ)) end)
expect.truthy(size > READ / 20 and size < READ, "a record takes less than a KiB, and the whole " .. size .. " KiB")
local function read(records)
  collectgarbage()
  local before, sum = collectgarbage("count"), 0
  for i = 1, #records do sum = sum + records[i].id + #records[i].tags end
  collectgarbage()
  collectgarbage()
  return { sum, collectgarbage("count") - before }
end
local pool = mm.Pool(2)
local wanted = READ * (READ + 1) / 2 + 2 * READ
local grown = kib_of(function()
  for _, result in ipairs(pool:map(read, { frozen, frozen, frozen, frozen })) do
    expect.equal(result[1], wanted)
    expect.truthy(result[2] < size / 4, "a reader keeps " .. result[2] .. " KiB")
  end
end)
expect.truthy(grown < size, "the readers' messages take " .. grown .. " KiB")
pool:terminate()
pool:join()

-- Makers and readers are killed while they have frozen tables, also under way. Each round has some ten at a time, so
-- if some of each round were left there would be many more in the end.
local function freeze_and_send(out, records)
  while true do
    do
      local f = mm.freeze(records)
      out:put({ f, f[7] })
    end
    collectgarbage()
  end
end
local function take_and_read(from)
  while true do
    do
      local pair = from:get()
      for i = 1, 1000 do
        if pair[1][i].id ~= i or pair[2].id ~= 7 then error("a wrong record") end
      end
    end
    collectgarbage()
  end
end
local records = make_records(SENT)
local function kill_some()
  local q, workers = mm.Queue(4), {}
  for i, target in ipairs({ freeze_and_send, take_and_read, freeze_and_send }) do
    workers[i] = mm.Process(target, q, records)
    workers[i]:start()
  end
  expect.equal(q:get(expect.HANG)[2].id, 7)
  for _, worker in ipairs(workers) do worker:kill() end
  for _, worker in ipairs(workers) do worker:join() end
  q:close()
  while true do
    local item = q:get()
    if not item then break end
    expect.equal(item[1][SENT].id, SENT)
  end
  collectgarbage()
  collectgarbage()
end
kill_some()
local left = kib_of(function()
  for _ = 1, ROUNDS do kill_some() end
end)
expect.truthy(left < 2 * ROUNDS * size * SENT / READ, "the dead left " .. left .. " KiB")
expect.equal(frozen[READ].price, READ * 1.5)
