-- SPDX-License-Identifier: MIT
-- Standard functions that catch errors give them to the script as they were raised, also in a worker, whose own message
-- handler describes the errors that end its function.
local mm = require "manymoons"
local expect = require "expect"

-- load and its like call the message handler around them, for errors of the function that reads.
local function caught()
  local load_text, got = loadstring or load, {}
  local function note(ok, err)
    got[#got + 1] = type(err) == "table" and "table of " .. tostring(err.what) or tostring(err)
    return ok
  end
  note(load(function() error("the reader", 0) end))
  note(load(function() error({ what = "the reader" }) end))
  note(load(coroutine.wrap(function() error("in a coroutine", 0) end)))
  note(load_text("x ="))
  note(load_text(("("):rep(500)))
  note(loadfile("/nonexistent"))
  note(pcall(error, "pcall", 0))
  note(pcall(load, function() error("pcall of load", 0) end))
  note(xpcall(function() error("xpcall", 0) end, function(err) return err .. " handled" end))
  note(coroutine.resume(coroutine.create(function() error("resume", 0) end)))
  note(pcall(coroutine.wrap(function() error("wrap", 0) end)))
  note(pcall(table.sort, { 3, 2, 1 }, function() error("sort", 0) end))
  note(pcall(string.gsub, "a", "a", function() error("gsub", 0) end))
  note(pcall(setmetatable({}, { __call = function() error("call", 0) end })))
  if coroutine.close then
    local co = coroutine.create(function()
      local scope = setmetatable({}, { __close = function() error("close", 0) end })
      return load("local scope <close> = ... coroutine.yield()")(scope)
    end)
    coroutine.resume(co)
    note(coroutine.close(co))
  end
  return table.concat(got, "\n")
end

local function where_it_ends()
  local outside = load(function() error("the reader", 0) end)
  error(outside == nil and "the end" or "loaded", 0)
end

local _, wanted = pcall(caught) -- protected: the program lua has a message handler, too
local pool = mm.Pool(1)
expect.equal(pool:apply(caught), wanted)
expect.equal(pool:map(caught, { 1 })[1], wanted)
local q = mm.Queue()
local process = mm.Process(function() q:put(caught()) end)
process:start()
expect.equal(q:get(expect.HANG), wanted)
process:join()
expect.equal(expect.raises("the end", pool.apply, pool, where_it_ends).message, "the end")
expect.raises("the end", pool.map, pool, where_it_ends, { 1 })
pool:terminate()
