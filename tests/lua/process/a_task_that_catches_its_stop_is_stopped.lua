-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- hosts: manymoons lua5.4 lua5.3
-- variants: debug asan release
-- TSan keeps signals until the next call into the system; LuaJIT and Lua 5.1 do not look for a stop in every loop.
-- A task that catches the error of a stop has a moment to clean up, in each Lua, and is stopped whatever it does then.
local mm = require "manymoons"
local expect = require "expect"

local function spin()
  local text = ""
  while true do text = text:sub(1, 10) .. "x" end
end

local stubborn = {
  ["a loop"] = function(q)
    q:put("begun")
    while true do pcall(spin) end
  end,
  ["loops in loops"] = function(q)
    q:put("begun")
    while true do
      pcall(function()
        while true do pcall(spin) end
      end)
    end
  end,
  ["a loop that waits"] = function(q)
    local never = mm.Queue()
    q:put("begun")
    while true do pcall(never.get, never) end
  end,
  ["a sleeper"] = function(q)
    q:put("begun")
    while true do pcall(mm.sleep, 1000) end
  end,
  ["coroutines"] = function(q)
    q:put("begun")
    while true do
      local co = coroutine.create(spin)
      coroutine.resume(co)
    end
  end,
  ["a polite one that goes on"] = function(q)
    mm.cancelled()
    q:put("begun")
    while true do pcall(spin) end
  end,
}

for name, f in pairs(stubborn) do
  local q = mm.Queue()
  local p = mm.Process(f, q)
  p:start()
  expect.equal(q:get(expect.HANG), "begun", name)
  p:terminate()
  expect.equal(p:join(expect.HANG), true, name)
  expect.equal(p.exitcode, -15, name)

  local pool = mm.Pool(1)
  local future = pool:submit(f, q)
  expect.equal(q:get(expect.HANG), "begun", name)
  expect.equal(future:cancel(), true, name)
  expect.equal(pool:apply(function() return "goes on" end), "goes on", name)
  future = pool:submit(f, q)
  expect.equal(q:get(expect.HANG), "begun", name)
  pool:terminate()
  expect.equal(expect.raises("terminated", future.get, future).kind, "cancelled", name)
end

-- What follows the protected call runs, and may wait.
local function clean_up(q)
  local ok = pcall(function()
    q:put("begun")
    spin()
  end)
  mm.sleep(0.001)
  q:put(ok and "no error" or "cleaned up")
  error("the end")
end
local q = mm.Queue()
local p = mm.Process(clean_up, q)
p:start()
expect.equal(q:get(expect.HANG), "begun")
p:terminate()
expect.equal(p:join(expect.HANG), true)
expect.equal(p.exitcode, -15)
expect.equal(q:get(expect.HANG), "cleaned up")

-- No handler for errors of the script runs while it is stopped: it would run in a hook, where nothing stops it.
q = mm.Queue()
p = mm.Process(function(out)
  xpcall(function()
    out:put("begun")
    spin()
  end, function() out:put("handled") end)
  out:put("cleaned up")
end, q)
p:start()
expect.equal(q:get(expect.HANG), "begun")
p:terminate()
expect.equal(p:join(expect.HANG), true)
if not rawget(_G, "jit") then
  expect.equal(q:get(expect.HANG), "cleaned up")
  expect.equal(q:qsize(), 0)
end

-- kill leaves no time.
q = mm.Queue()
p = mm.Process(clean_up, q)
p:start()
expect.equal(q:get(expect.HANG), "begun")
p:kill()
expect.equal(p:join(expect.HANG), true)
expect.equal(p.exitcode, -9)
expect.equal(q:qsize(), 0)
