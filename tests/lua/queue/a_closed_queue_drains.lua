-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
q:put("a")
q:put("b")
q:close()
q:close()
expect.equal({ q:put("c") }, { nil, "closed" })
local seen = {}
for v in q:iter() do seen[#seen + 1] = v end
expect.equal(seen, { "a", "b" })
expect.equal({ q:get() }, { nil, "closed" })

-- shutdown is close; immediate: what is in the queue goes.
for _, class in ipairs({ "Queue", "SimpleQueue", "JoinableQueue", "PriorityQueue" }) do
  local gentle, sudden = mm[class](), mm[class]()
  gentle:put(1)
  sudden:put_many({ 1, 2, 3 })
  gentle:shutdown()
  sudden:shutdown(true)
  expect.equal({ gentle:put(2) }, { nil, "closed" })
  expect.equal({ gentle:get(), (gentle:get()) }, { 1 })
  expect.equal({ sudden:get() }, { nil, "closed" })
  expect.equal(sudden:qsize(), 0)
  if class == "JoinableQueue" then expect.equal(sudden:join(expect.HANG), true) end
  expect.raises(class .. ":shutdown: immediate: a boolean expected, got number", sudden.shutdown, sudden, 1)
end
