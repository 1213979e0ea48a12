-- SPDX-License-Identifier: MIT
-- worlds: processes
-- A pipe to a program is at its end when the script closes it, whatever was started meanwhile: a fork server and
-- spawned workers keep no copy. (A forked worker has one, as everything else of its parent's, until it ends.)
local mm = require "manymoons"
local expect = require "expect"

for _, method in ipairs({ "forkserver", "spawn" }) do
  local pipe = assert(io.popen("cat >/dev/null", "w"))
  local ready, go = mm.Queue(), mm.Queue()
  local worker = mm.Process({ method = method, target = function()
    ready:put(true)
    go:get()
  end })
  worker:start()
  ready:get()
  pipe:close() -- waits until the other program has ended
  go:put(true)
  worker:join()
  expect.equal(worker.exitcode, 0)
end
