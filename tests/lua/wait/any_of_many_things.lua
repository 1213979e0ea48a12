-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local a, b = mm.Queue(), mm.Queue()
local here, there = mm.Pipe()
expect.equal({ mm.wait({ a, b, here }, 0) }, { {}, "timeout" })
local before = mm.time()
expect.equal({ mm.wait({ a, b, here }, { timeout = 0.05 }) }, { {}, "timeout" })
expect.truthy(mm.time() - before >= 0.05, "a timeout is never early")

-- What is ready comes back, in the order given, whatever it is; nothing is taken.
b:put("x")
there:send("y")
local ready = mm.wait({ here, a, b })
expect.equal(#ready, 2)
expect.truthy(ready[1] == here and ready[2] == b, "in order, the very things")
expect.equal(mm.wait({ b, b })[2], b, "a thing may be named twice")
expect.equal(b:get(), "x")
expect.equal(here:recv(), "y")
expect.equal({ mm.wait({ here, a, b }, 0) }, { {}, "timeout" })

-- Each kind of event ends a wait for ever.
local function later(f, ...)
  local p = mm.Process(f, ...)
  p:start()
  return p
end
local go = mm.Queue()
local function after_go(f)
  return function(...)
    go:get()
    f(...)
  end
end
local function expect_ready(wanted, what, ...)
  go:put(true)
  local list = mm.wait({ a, here, wanted, ... })
  expect.truthy(#list >= 1 and list[#list] == wanted, what)
end

local fresh = mm.Queue()
local p = later(after_go(function(q) q:put(1) end), fresh)
expect_ready(fresh, "a put")
p:join()

local closed = mm.JoinableQueue()
p = later(after_go(function(q) q:close() end), closed)
expect_ready(closed, "a close")
p:join()

p = later(after_go(function(c) c:send(1) end), there)
go:put(true)
expect.equal(mm.wait({ a, here })[1], here, "a message in a pipe")
expect.equal(here:recv(), 1)
p:join()

p = later(after_go(function() end))
expect_ready(p, "the end of a process")
expect.equal(mm.wait({ p })[1], p, "it stays ended")

p = later(function() mm.sleep(1000) end)
local killer = later(after_go(function() end))
go:put(true)
killer:join()
p:kill()
expect.equal(mm.wait({ a, p })[1], p, "a killed one")

there:close()
expect.equal(mm.wait({ a, here })[1], here, "the end of file")
expect.equal({ here:recv() }, { nil, "closed" })
