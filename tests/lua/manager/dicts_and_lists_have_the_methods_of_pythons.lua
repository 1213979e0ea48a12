-- SPDX-License-Identifier: MIT
-- reverse, index and count of lists, setdefault and popitem of dicts; and what a manager runs before it serves.
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager({
  initializer = function(start, step) mm.first, mm.step = start, step end,
  initargs = { 40, 2 },
})
m:register("sum", function() return { value = mm.first + mm.step } end)
expect.equal(m:sum().value, 42)

local l = m:list({ "a", "b", "a", "c" })
l:reverse()
expect.equal(l:values(), { "c", "a", "b", "a" })
expect.equal({ l:index("a"), l:index("a", 3), l:index("x"), l:index("a", 5) }, { 2, 4, nil, nil })
expect.equal({ l:count("a"), l:count("x") }, { 2, 0 })
l:clear()
l:reverse()
expect.equal({ l:len(), l:count(1), l:index(1) }, { 0, 0, nil })

local d = m:dict({ a = 1 })
expect.equal({ d:setdefault("a", 5), d:setdefault("b", 5), d.b, d:setdefault("c") }, { 1, 5, 5, nil })
local seen = {}
for _ = 1, 2 do
  local key, value = d:popitem()
  seen[key] = value
end
expect.equal(seen, { a = 1, b = 5 })
expect.equal({ d:popitem() }, { nil })

-- A table inside of another one keeps these names for keys.
d.inner = {}
expect.equal({ d.inner.count, d.inner.index }, { nil, nil })

expect.raises("list:index: a position from 1 to 1 expected, got 9", l.index, l, 1, 9)
expect.raises("dict:setdefault: a key expected, got nil", d.setdefault, d)
m:close()

expect.raises("Manager: initializer: .*no start", mm.Manager, { initializer = function() error("no start") end })
expect.raises("Manager: initializer: a function expected, got number", mm.Manager, { initializer = 5 })
expect.raises("Manager: initargs: a list expected, got number", mm.Manager, { initializer = print, initargs = 5 })
