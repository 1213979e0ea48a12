-- SPDX-License-Identifier: MIT
-- The text of an error begins with its call. Its tracebacks have the lines of the script, in the worker and in the
-- caller, and none of the library, nor of the stack that a forked worker has from its parent.
local expect = require "expect"
local mm = require "manymoons"

local file = debug.getinfo(1, "S").short_src
local function line() return debug.getinfo(2, "l").currentline end

local function inner(x) if x ~= 3 then return x end error("no three") end local inner_line = line()
local function outer(x) local y = inner(x) return y end local outer_line = line()
local function tail(x) return inner(x) end
local function empty() return error("nothing") end

local pool
local function the_parent_starts_a_pool() pool = mm.Pool(2) pool:apply(type, 1) pool:apply(type, 1) end
the_parent_starts_a_pool()

local function text_of(f, ...)
  local ok, err = pcall(f, ...)
  expect.equal(ok, false)
  return tostring(err), err
end

local function check(call, text)
  local function has(part) expect.truthy(text:find(part, 1, true), "no " .. part .. " in: " .. text) end
  expect.truthy(text:find("^in " .. call .. ", worker PoolWorker%-%d+:\n"), text)
  has(file .. ":" .. inner_line .. ": no three\n")
  has(file .. ":" .. inner_line .. ": in ")
  has("\nraised again here:\n")
  has(": in main chunk")
  for _, inside in ipairs({ "manymoons/", "the_parent_starts", "'called'", "[C]: in ?" }) do
    expect.truthy(not text:find(inside, 1, true), inside .. " in: " .. text)
  end
end

local function collect(iterator)
  local list = {}
  for item in iterator do list[#list + 1] = item end
  return list
end

local list = { 1, 2, 3, 4 }
check("item 3 of map", (text_of(pool.map, pool, outer, list)))
check("item 3 of starmap", (text_of(pool.starmap, pool, outer, { { 1 }, { 2 }, { 3 } })))
check("item 3 of imap", (text_of(function() collect(pool:imap(outer, list)) end)))
check("item 3 of imap_unordered", (text_of(function() collect(pool:imap_unordered(outer, list)) end)))
check("item 3 of map_async", (text_of(function() pool:map_async(outer, list):get() end)))
check("part %d of reduce", (text_of(pool.reduce, pool, outer, { 3, 3 }, math.max)))
check("apply", (text_of(pool.apply, pool, outer, 3)))
check("submit", (text_of(function() pool:submit(outer, 3):get() end)))
check("apply_async", (text_of(function() pool:apply_async(outer, { 3 }):get() end)))
check("apply", (text_of(pool.apply, pool, tail, 3)))

local _, err = text_of(pool.map, pool, outer, list)
expect.equal(err.call, "item 3 of map")
expect.truthy(err.message:find("no three$"), err.message)
expect.truthy(err.traceback:find(file .. ":" .. outer_line .. ": in ", 1, true), err.traceback)
expect.equal(select(2, err.traceback:gsub("\n", "")) <= 4, true, err.traceback)

-- The function that the worker called is named, although a tail call left no frame of it.
_, err = text_of(pool.apply, pool, empty)
expect.truthy(err.traceback:find(file, 1, true), err.traceback)
pool:terminate()
