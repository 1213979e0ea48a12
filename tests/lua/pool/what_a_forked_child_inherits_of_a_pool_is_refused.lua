-- SPDX-License-Identifier: MIT
-- worlds: processes
-- brokers: none
-- A forked child has copies of its parent's pools, futures and iterators. What is done needs no pool; anything else is
-- refused, and the parent gets all of its results.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.processes.Pool(2)
local function square(x) return x * x end
local done = pool:submit(square, 3)
expect.equal(done:get(), 9)
local gate = mm.processes.Event()
local iterator = pool:imap(square, { 1, 2, 3 })
expect.equal(iterator(), 1)
local open = pool:submit(function(g) g:wait() return "for the parent" end, gate)
local async = pool:map_async(function(x) gate:wait() return x * x end, { 1, 2, 3 })
local failures = mm.processes.Queue()

local child = mm.processes.Process({ method = "fork", target = function()
  local refused = {
    apply = function() pool:apply(square, 1) end,
    map = function() pool:map(square, { 1 }) end,
    stats = function() pool:stats() end,
    close = function() pool:close() end,
    get = function() open:get() end,
    ready = function() open:ready() end,
    wait = function() open:wait(0) end,
    cancel = function() open:cancel() end,
    any = function() mm.wait({ open }, 0) end,
    completed = function() mm.as_completed({ open })() end,
    async = function() async:get() end,
    imap = function() iterator() end,
  }
  for name, use in pairs(refused) do
    local ok, why = pcall(use)
    if ok or not tostring(why):find("belongs to the process that forked this one", 1, true) then
      failures:put(name .. ": " .. tostring(why))
    end
  end
  if done:get() ~= 9 then failures:put("done") end
  pool:terminate() -- of a copy it is nothing
  pool, open, async, iterator = nil, nil, nil, nil
  collectgarbage()
  local own = mm.processes.Pool(1)
  if own:apply(square, 5) ~= 25 then failures:put("own") end
  own:terminate()
end })
child:start()
expect.truthy(child:join(expect.HANG))
local failure = failures:get(0)
expect.equal(failure, nil)
expect.equal(child.exitcode, 0)

gate:set()
expect.equal(open:get(), "for the parent")
expect.equal(async:get(), { 1, 4, 9 })
expect.equal(iterator(), 4)
expect.equal(iterator(), 9)
expect.equal(iterator(), nil)
pool:terminate()
