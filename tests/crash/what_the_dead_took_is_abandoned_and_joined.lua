-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- However a worker ends with unfinished values, no join waits for them.
local mm = require "manymoons"
local expect = require "expect"

local ways = {
  exit = function() os.exit(3) end,
  ["return"] = function() end,
  waits = function() mm.sleep(1000) end,
}
local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { false }

for _, method in ipairs(methods) do
  for way, leave in pairs(ways) do
    local jobs, taken = mm.JoinableQueue(), mm.Queue()
    for i = 1, 3 do jobs:put(i) end
    local worker = mm.Process({
      method = method or nil,
      target = function()
        jobs:get()
        jobs:get()
        jobs:task_done()
        taken:put(true)
        leave()
      end,
    })
    worker:start()
    taken:get()
    expect.equal({ jobs:join(0) }, { nil, "timeout" }, way .. ": one is in the queue")
    if way == "waits" then worker:kill() end
    expect.equal(jobs:get(), 3)
    jobs:task_done()
    expect.equal({ jobs:join(expect.HANG) }, { true, "abandoned" }, way)
    expect.equal({ jobs:join(0) }, { true }, "said once")
    worker:join()
    -- The count of unfinished values is right: the queue is used again as before.
    jobs:put(4)
    expect.equal({ jobs:join(0) }, { nil, "timeout" })
    jobs:get()
    expect.equal({ jobs:join(0) }, { nil, "timeout" })
    jobs:task_done()
    expect.equal({ jobs:join() }, { true })
    expect.raises("more often", jobs.task_done, jobs)
  end
end
