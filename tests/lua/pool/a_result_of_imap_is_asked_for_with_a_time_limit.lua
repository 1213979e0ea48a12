-- SPDX-License-Identifier: MIT
-- next(timeout) of imap: the result, or nil and "timeout", after which it can be asked for again.
local mm = require "manymoons"
local expect = require "expect"
local can_wait = mm.current_world() ~= "serial"

for _, name in ipairs({ "imap", "imap_unordered" }) do
  local pool, gate = mm.Pool(2), mm.Queue()
  local next_result = pool[name](pool, function(item)
    if item.gate then item.gate:get() end
    return item.value
  end, { { gate = can_wait and gate or nil, value = "slow" } })
  if can_wait then
    expect.equal({ next_result(0.01) }, { nil, "timeout" })
    expect.equal({ next_result(0) }, { nil, "timeout" })
    gate:put("open")
  end
  expect.equal({ next_result(expect.HANG) }, { "slow" })
  expect.equal({ next_result(0) }, {})
  expect.equal({ next_result(0) }, {})

  -- Results that are there need no time; an error takes the place of its item.
  local list = {}
  for i = 1, 10 do list[i] = i end
  next_result = pool[name](pool, function(n) return n == 5 and error("five", 0) or n end, list)
  local sum, errors = 0, 0
  for _ = 1, 10 do
    local ok, result = pcall(next_result, expect.HANG)
    if ok then sum = sum + result else errors = errors + 1 end
  end
  expect.equal({ sum, errors, next_result(1) }, { 50, 1, nil })

  -- Items that come through a queue. That of a broker is an iterator like any other, whose items are waited for.
  local items = mm.Queue()
  if can_wait and type(items) == "userdata" then
    items:put(1)
    next_result = pool[name](pool, function(n)
      if n == 2 then gate:get() end
      return n
    end, items:iter())
    expect.equal({ next_result(expect.HANG) }, { 1 })
    items:put(2)
    expect.equal({ next_result(0.02) }, { nil, "timeout" })
    gate:put("open")
    items:close()
    expect.equal({ next_result(expect.HANG) }, { 2 })
    expect.equal({ next_result(expect.HANG) }, {})
  end
  expect.raises("Pool:imap: timeout: a number of seconds expected, got soon", next_result, "soon")
  pool:terminate()
end
