-- SPDX-License-Identifier: MIT
-- mm.wait(things, { when = "first" | "all" | "first_error" }), and what a future says of its state.
local mm = require "manymoons"
local expect = require "expect"
local world = mm.current_world()
local can_wait = world ~= "serial"

local function twice(n) return 2 * n end

local pool = mm.Pool(2)
local list = {}
for i = 1, 20 do list[i] = pool:submit(twice, i) end
local ready, why = mm.wait(list, { when = "all", timeout = expect.HANG })
expect.equal({ #ready, why }, { 20, nil })
for i, future in ipairs(list) do expect.equal({ ready[i] == future, future:get() }, { true, 2 * i }) end
expect.equal({ mm.wait({}, { when = "all" }) }, { {} })
expect.equal(#mm.wait({ list[1], list[1] }, { when = "all" }), 2)
expect.equal(#mm.wait(list, { when = "first" }), 20)
expect.equal(#mm.wait(list, { when = "first_error" }), 20)

-- Of all kinds of things; those that are ready when the time is up.
local full, empty = mm.Queue(), mm.Queue()
full:put(1)
expect.equal({ mm.wait({ empty, list[1], full }, { when = "all", timeout = 0.01 }) }, { { list[1], full }, "timeout" })
expect.equal({ mm.wait({ empty }, { when = "first_error", timeout = 0 }) }, { {}, "timeout" })
empty:put(1)
expect.equal({ mm.wait({ empty, list[1], full }, { when = "all" }) }, { { empty, list[1], full } })

-- The first that fails ends the wait, whatever else goes on.
local gate = mm.Queue()
local slow = can_wait and pool:submit(function(queue) return queue:get() end, gate)
local bad = pool:submit(error, "no", 0)
local done = mm.wait(slow and { slow, bad } or { bad }, { when = "first_error", timeout = expect.HANG })
expect.equal({ #done, done[1] == bad }, { 1, true })
if slow then
  gate:put("open")
  expect.equal(#mm.wait({ bad, slow }, { when = "all", timeout = expect.HANG }), 2)
  expect.equal(slow:get(), "open")
end

-- How a future stands.
expect.equal({ bad:cancelled(), bad:running(), bad:exception().value, bad:successful() }, { false, false, "no", false })
expect.equal({ list[1]:cancelled(), list[1]:running(), list[1]:exception() }, { false, false })
expect.equal(tostring(list[1]), "Future: done")
expect.truthy(tostring(bad):find("^Future: failed: no"), tostring(bad))
if can_wait then
  local started, held = mm.Queue(), mm.Queue()
  local first = pool:submit(function(out, queue)
    out:put(true)
    return queue:get()
  end, started, held)
  expect.equal(started:get(expect.HANG), true)
  expect.equal({ first:running(), first:cancelled(), tostring(first) }, { true, false, "Future: not done" })
  expect.equal({ first:exception(0.01) }, { nil, "timeout" })
  expect.equal({ first:exception(0) }, { nil, "timeout" })
  expect.equal(first:cancel(), true)
  expect.equal({ first:running(), first:cancelled(), tostring(first) }, { false, true, "Future: cancelled" })
  expect.equal(first:exception().kind, "cancelled")
  expect.equal(mm.wait({ first }, { when = "first_error" })[1] == first, true)
end
pool:terminate()

-- Tasks of async are among them.
mm.async.run(function()
  local good = mm.async.spawn(function() return 1 end)
  local never = mm.async.spawn(function() mm.sleep(1000) end)
  local wrong = mm.async.spawn(function() error("no", 0) end)
  expect.equal(#mm.wait({ good, wrong }, { when = "all" }), 2)
  local found = mm.wait({ never, wrong }, { when = "first_error" })
  expect.equal({ #found, found[1] == wrong }, { 1, true })
  never:cancel()
  pcall(wrong.get, wrong)
end)

expect.raises("wait: when: 'first', 'all' or 'first_error' expected, got last", mm.wait, list, { when = "last" })
expect.raises("wait: unknown option 'whem'", mm.wait, list, { whem = "all" })
