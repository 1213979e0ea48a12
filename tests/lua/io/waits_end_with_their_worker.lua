-- SPDX-License-Identifier: MIT
-- A worker that waits in Lua's own library ends at once when it is stopped: in a read of a pipe, in os.execute, in the
-- close of a pipe to a program, in the opening of a FIFO. A call in a thread leaves the tasks alone.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()

assert(os.execute("mkfifo fifo"))

local waits = {
  read = function()
    local pipe = io.popen("echo begun >begun.read; exec sleep 1000")
    return pipe:read("*l")
  end,
  execute = function() return os.execute("echo begun >begun.execute; exec sleep 1000") end,
  close = function()
    local pipe = io.popen("exec >/dev/null; echo begun >begun.close; exec sleep 1000", "w")
    return pipe:close()
  end,
  open = function()
    os.execute("echo begun >begun.open")
    return io.open("fifo", "r")
  end,
}

local function has_begun(name)
  local file = io.open("begun." .. name)
  local text = file and file:read("*a")
  if file then file:close() end
  return text == "begun\n"
end

for name, f in pairs(waits) do
  local worker = mm.Process(f)
  worker:start()
  local due = mm.time() + expect.HANG
  while not has_begun(name) do
    expect.truthy(mm.time() < due, name .. " begins")
    mm.sleep(0.01)
  end
  if world == "threads" or world == "interpreters" then mm.sleep(0.02) end
  worker:terminate()
  expect.equal(worker:join(expect.HANG), true, name)
  expect.equal(worker.exitcode ~= 0, true, name)
  worker:close()
end
-- What io.popen has started ends by itself, without its reader; this one does not write.
os.execute("for pid in $(pgrep -s 0 sleep); do kill $pid; done")

-- Other tasks run while a thread runs a command.
if world == "async" then
  mm.async.run(function()
    local task = mm.async.spawn(function()
      return mm.async.to_thread(os.execute, "until [ -e ticked ]; do sleep 0.01; done")
    end)
    mm.sleep(0)
    mm.sleep(0.001)
    assert(io.open("ticked", "w")):close()
    expect.truthy(task:get(expect.HANG))
  end)
end
