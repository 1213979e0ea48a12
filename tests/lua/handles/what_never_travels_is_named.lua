-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- A Pool, Future, Process, Manager or Task belongs to the VM that made it. The error names it, and where it was met.
local mm = require "manymoons"
local expect = require "expect"

local p, other = mm.Pool(1), mm.Pool(1)
local future = p:submit(function() return 1 end)
local process = mm.Process(print)
local q = mm.Queue()
-- A pool travels to its own tasks alone.
expect.raises("cannot send a Pool %(at function%(upvalue 'other'%)%)", p.apply, p, function() return other end)
other:terminate()
expect.raises("cannot send a Future %(at function%(upvalue 'future'%)%)", p.apply, p, function() return future end)
expect.raises("cannot send a Process %(at argument.child%)", p.apply, p, print, { child = process })
expect.raises("cannot send a Process %(at value%)", q.put, q, process)
expect.raises("cannot send a Pool %(at value%[1%]%)", mm.dumps, { p })
local m = mm.Manager()
expect.raises("cannot send a Manager %(at value%)", q.put, q, m)
m:close()
mm.async.run(function()
  local task = mm.async.spawn(function() end)
  expect.raises("cannot send a Task %(at value.t%)", q.put, q, { t = task })
  task:get()
  local here = mm.async.Pool(1)
  expect.raises("cannot send a Pool %(at value%)", q.put, q, here)
  here:terminate()
  local a = mm.async.Pipe()
  expect.raises("cannot send a Connection %(at value%)", q.put, q, a)
  expect.raises("cannot send a Condition of the world async", q.put, q, mm.async.Condition())
  expect.raises("cannot send a Barrier of the world async", q.put, q, mm.async.Barrier(2))
end)
expect.raises("cannot send a Process %(at value%)", q.put, q, mm.serial.Process(print))
expect.equal(future:get(), 1)
p:terminate()
