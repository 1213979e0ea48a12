-- SPDX-License-Identifier: MIT
-- (error, exit, crash) × (while the call is encoded, decoded, run; while its result is encoded, decoded): the call
-- fails with this fault, other calls do not, and the pool continues.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local is_copied = world == "interpreters" or world == "processes"

local acts = {
  error = [[error("the module is broken")]],
  exit = [[os.exit(5)]],
  crash = [[os.execute("kill -9 $PPID") require("manymoons").sleep(60)]],
}

-- Travels by its name; the worker, which began before it was there, loads the file, and something goes wrong.
local function module_that(fault)
  local file = assert(io.open("faulty_" .. fault .. ".lua", "w"))
  file:write(acts[fault])
  file:close()
  local module = {}
  package.loaded["faulty_" .. fault] = module
  return module
end

local kinds = { "error", world ~= "serial" and "exit" or nil, world == "processes" and "crash" or nil }
local wanted = { error = "error", exit = "died", crash = "died" }
local function nothing() end

for _, fault in ipairs(kinds) do
  local pool = mm.Pool(2)
  local act = (loadstring or load)(acts[fault]) -- luacheck: ignore

  -- while it runs
  local neighbour, victim = pool:submit(function(x) return x end, 1), pool:submit(act)
  expect.equal(neighbour:get(expect.HANG), 1)
  expect.equal(select(2, pcall(victim.get, victim, expect.HANG)).kind, wanted[fault])

  if is_copied then
    -- while it is encoded: the caller's own error, and nothing was sent
    expect.raises("cannot send a coroutine", pool.submit, pool, print, coroutine.create(nothing))

    -- while it is decoded: what the worker requires for it goes wrong there
    local decoding = pool:submit(type, module_that(fault))
    local _, err = pcall(decoding.get, decoding, expect.HANG)
    expect.equal(err.kind, fault == "error" and "unsendable" or "died", "decoding, " .. fault)

    -- while its result is encoded, or decoded here
    if fault == "error" then
      local unsendable = pool:submit(function() return { 1, { job = coroutine.create(function() end) } } end)
      err = expect.raises("cannot send a coroutine", unsendable.get, unsendable, expect.HANG)
      expect.equal(err.kind, "unsendable")
      local undecodable = pool:submit(function()
        local class = {}
        package.loaded.only_there = class
        return class
      end)
      err = expect.raises("only_there", undecodable.get, undecodable, expect.HANG)
      expect.equal(err.kind, "unsendable")
      local mixed = expect.raises("cannot send", pool.map, pool, function(x)
        return x == 2 and coroutine.create(function() end) or x
      end, { 1, 2, 3 }, { chunksize = 3 })
      expect.equal(mixed.results, { 1, nil, 3 })
    end
  end
  expect.equal(pool:map(function(x) return x * x end, { 1, 2, 3, 4, 5 }), { 1, 4, 9, 16, 25 }, fault)
  pool:terminate()
end
