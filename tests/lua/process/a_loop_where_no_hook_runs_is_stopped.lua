-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- hosts: manymoons lua5.4 lua5.3
-- variants: debug asan release
-- TSan keeps signals until the next call into the system.
-- A loop in a message handler, a finalizer or a hook of a script, where Lua runs no other hook, lets other threads run
-- and can be stopped.
local mm = require "manymoons"
local expect = require "expect"

local loops = {
  ["the handler of an error"] = function(begin, spin) xpcall(error, function()
    begin()
    spin()
  end) end,
  ["the handler of a stop"] = function(begin, spin)
    begin()
    xpcall(spin, spin)
  end,
  ["the handler in a coroutine"] = function(begin, spin)
    coroutine.wrap(function()
      begin()
      xpcall(spin, spin)
    end)()
  end,
  ["handlers of handlers"] = function(begin, spin)
    begin()
    xpcall(function() xpcall(spin, function() xpcall(spin, spin) end) end, spin)
  end,
  ["a finalizer"] = function(begin, spin)
    setmetatable({}, { __gc = function()
      begin()
      spin()
    end })
    collectgarbage()
  end,
  ["a hook"] = function(begin, spin)
    begin()
    debug.sethook(spin, "", 100)
    spin()
  end,
  ["a hook for calls"] = function(begin, spin)
    begin()
    debug.sethook(spin, "c")
    spin()
    while true do tostring(1) end
  end,
  ["the handler of a hook"] = function(begin, spin)
    begin()
    debug.sethook(function() error("time is up") end, "", 100)
    xpcall(spin, spin)
  end,
}

local function run(loop, begun)
  local function spin() while true do end end
  loop(function() begun:put(true) end, spin)
end

for name, loop in pairs(loops) do
  local begun = mm.Queue()
  local p = mm.Process({ daemon = true, args = { loop, begun }, target = run })
  p:start()
  expect.equal(begun:get(), true, name)
  for _ = 1, 3 do mm.sleep(0.001) end
  p:terminate()
  expect.equal(p:join(), true, name)
  expect.equal(p.exitcode, -15, name)
end

-- A script's time limit, a count hook that raises, neither keeps others from running nor its user from being stopped.
for _, count in ipairs({ 100, 1000, 10000 }) do
  for _, is_set_again in ipairs({ false, true }) do
    local begun = mm.Queue()
    local p = mm.Process({ daemon = true, args = { count, is_set_again, begun }, target = function(n, again, out)
      local function limit() debug.sethook(function() error("time is up") end, "", n) end
      local function spin() while true do end end
      out:put(true)
      limit()
      while true do
        pcall(spin)
        if again then
          debug.sethook()
          limit()
        end
      end
    end })
    p:start()
    begun:get()
    for _ = 1, 3 do mm.sleep(0.001) end
    p:terminate()
    expect.equal(p:join(), true)
    expect.equal(p.exitcode, -15)
  end
end

-- A handler runs as ever when nothing is to stop, and sees the stack that it expects.
local function fails() error("wrong", 0) end
expect.equal({ xpcall(fails, function(err) return err .. ": " .. debug.getinfo(2, "n").name end) },
  { false, "wrong: error" })
expect.equal({ xpcall(function(...) return ... end, function() end, 1, nil, 3) }, { true, 1, nil, 3 })
expect.equal({ pcall(xpcall, fails) }, { false, select(2, pcall(xpcall, fails)) })
local yields = coroutine.wrap(function()
  return xpcall(function() error(coroutine.yield(1), 0) end, function(err) return err .. "!" end)
end)
expect.equal(yields(), 1)
expect.equal({ yields("x") }, { false, "x!" })
