-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- Two workers that take two locks of a manager crosswise: one is refused, and the other one goes on.
local mm = require "manymoons"
local expect = require "expect"

local manager = mm.Manager()

local function cross(first, second, ways, here, out)
  first["acquire" .. ways[1]](first)
  here:wait()
  local ok, err = pcall(second["acquire" .. ways[2]], second)
  if ok then second["release" .. ways[2]](second) end
  first["release" .. ways[1]](first)
  out:put(ok and "fine" or { kind = err.kind, text = tostring(err) })
end

local function run(a, b, ways, kind)
  local here, out, workers = manager:Barrier(2), mm.Queue(), {}
  for i, pair in ipairs({ { a, b, ways }, { b, a, ways } }) do
    workers[i] = mm.Process{ name = "crosser-" .. i, target = cross, args = { pair[1], pair[2], pair[3], here, out } }
    workers[i]:start()
  end
  local errors = {}
  for _ = 1, 2 do
    local result = out:get(expect.HANG)
    if result ~= "fine" then errors[#errors + 1] = result end
  end
  for _, worker in ipairs(workers) do expect.truthy(worker:join(expect.HANG)) end
  expect.equal(#errors, 1, kind .. ": one of them is refused")
  local text = errors[1].text
  expect.equal(errors[1].kind, "deadlock", text)
  expect.truthy(text:find("deadlock: each of 2 waits for what another one holds:", 1, true), text)
  for i = 1, 2 do
    local line = "crosser%-" .. i .. " %(process %d+%) holds KIND %a and waits for KIND %a at "
    expect.truthy(text:find((line:gsub("KIND", kind))), text)
  end
end

run(manager:Lock(), manager:Lock(), { "", "" }, "Lock")
run(manager:RLock(), manager:RLock(), { "", "" }, "RLock")
run(manager:RWLock(), manager:RWLock(), { "_write", "_write" }, "RWLock")
run(manager:RWLock(), manager:RWLock(), { "_read", "_write" }, "RWLock")

local lock = manager:Lock()
lock:acquire()
local err = expect.raises("Lock:acquire: deadlock: this client holds the Lock already", lock.acquire, lock)
expect.equal(err.kind, "deadlock")
expect.equal({ lock:acquire(0.01) }, { nil, "timeout" }, "what has a time ends")
lock:release()
manager:close()
