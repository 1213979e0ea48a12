-- SPDX-License-Identifier: MIT
-- worlds: processes
-- A worker of a pool is replaced while a put waits for room: starting it encodes other values meanwhile.
local mm = require "manymoons"
local expect = require "expect"

local full, started = mm.Queue(1), mm.Queue()
full:put("first")
local value = {}
for i = 1, 500 do value[i] = "value number " .. i end

local pool = mm.Pool{ workers = 1, initializer = function(q) q:put("started") end, initargs = { started } }
assert(started:get(expect.HANG) == "started")

local answers = mm.Queue()
local consumer = mm.Process(function(inbox, signal, out)
  signal:get()
  inbox:get()
  local got = inbox:get(expect.HANG)
  for i = 1, 500 do
    if got[i] ~= "value number " .. i then
      out:put("number " .. i .. " is " .. tostring(got[i]))
      return
    end
  end
  out:put("right")
end, full, started, answers)
consumer:start()
os.execute("kill -9 " .. pool:apply(function() return mm.current_process().pid end))
full:put(value)
assert(answers:get(expect.HANG) == "right")
consumer:join()
pool:terminate()
pool:join()
