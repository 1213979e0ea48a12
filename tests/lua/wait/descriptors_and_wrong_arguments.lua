-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
expect.raises(":%d+: wait: argument 1: a list of things expected, got userdata", mm.wait, q)
expect.raises(":%d+: wait: argument 1: a list of things expected, got nil", mm.wait)
expect.raises(":%d+: wait: thing 2: a queue, connection, process, future, event or descriptor", mm.wait,
  { q, "x" }, 0)
expect.raises(":%d+: wait: thing 1: .* got %-1", mm.wait, { -1 }, 0)
expect.raises(":%d+: wait: thing 1: .* got 1.5", mm.wait, { 1.5 }, 0)
expect.raises(":%d+: wait: thing 1: .* got table", mm.wait, { {} }, 0)
expect.raises(":%d+: wait: EBADF", mm.wait, { 1000 }, 0)
expect.raises(":%d+: wait: timeout: a number of seconds expected, got soon", mm.wait, { q }, "soon")
expect.raises("wait: unknown option 'all'", mm.wait, { q }, { all = true })
expect.raises(":%d+: wait: nothing to wait for, and no timeout", function()
  mm.world(mm.current_world() == "serial" and "processes" or mm.current_world()).wait({})
end)
expect.equal({ mm.wait({}, 0) }, { {}, "timeout" })
expect.raises("has not been started", mm.wait, { mm.Process(print) }, 0)

-- A descriptor of the script's own: here that of a pipe.
local here, there = mm.Pipe()
local fd = here:fileno()
expect.equal({ mm.wait({ fd, q }, 0.01) }, { {}, "timeout" })
there:send("x")
expect.equal(mm.wait({ fd, q }, expect.HANG)[1], fd)
here:recv()
q:put(1)
expect.equal(mm.wait({ fd, q }, expect.HANG)[1], q)

-- Both kinds together: whichever comes ends the wait.
if mm.current_world() ~= "serial" then
  q:get()
  local go = mm.Queue()
  local helper = mm.Process(function()
    go:get()
    q:put(2)
    go:get()
    there:send("z")
  end)
  helper:start()
  go:put(1)
  expect.equal(mm.wait({ fd, q })[1], q)
  q:get()
  go:put(2)
  expect.equal(mm.wait({ fd, q })[1], fd)
  helper:join()
end
