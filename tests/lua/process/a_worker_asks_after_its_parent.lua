-- SPDX-License-Identifier: MIT
-- mm.parent_process() has Python's is_alive and join. A worker is joined or terminated by its parent, so a wait for
-- the parent's end that could never end is refused.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local answers = mm.Queue()

expect.equal(mm.parent_process(), nil)

local function ask()
  local parent = mm.parent_process()
  local ended, why = parent:join(0.01)
  local ok, err = pcall(parent.join, parent)
  answers:put({ parent.name, parent.pid, parent:is_alive(), ended == nil and why, not ok and err.kind,
    tostring(parent), parent == mm.parent_process() })
end
local worker = mm.Process(ask)
worker:start()
local here = mm.current_process()
expect.equal(answers:get(expect.HANG),
  { "MainProcess", here.pid, true, "timeout", "deadlock", "ParentProcess: MainProcess", true })
expect.truthy(worker:join(expect.HANG))
expect.equal(worker.exitcode, 0)

-- So has a task of a pool, and it may be sent.
local pool = mm.Pool(1)
local parent = pool:apply(mm.parent_process)
expect.equal(parent.name, "MainProcess")
expect.equal(parent:is_alive(), true)
expect.equal({ parent:join(0) }, { nil, "timeout" })
expect.equal(pool:apply(function() return mm.parent_process():is_alive() end), true)
pool:terminate()

-- A daemon may wait for ever: its parent's end ends it.
if world ~= "serial" then
  local watcher = mm.Process{ target = function()
    answers:put("begins")
    mm.parent_process():join()
  end, daemon = true }
  watcher:start()
  expect.equal(answers:get(expect.HANG), "begins")
  watcher:terminate()
  expect.truthy(watcher:join(expect.HANG))
  expect.truthy(watcher.exitcode ~= 0)
end

-- Where a worker is a process of its own, its end is seen by others than its children, too.
if world == "processes" then
  local outer = mm.Process(function()
    local inner = mm.Process(function() answers:put(mm.parent_process()) end)
    inner:start()
    inner:join()
  end)
  outer:start()
  local seen = answers:get(expect.HANG)
  expect.truthy(outer:join(expect.HANG))
  expect.equal(seen:join(expect.HANG), true)
  expect.equal(seen:is_alive(), false)
end

expect.raises("ParentProcess:join: timeout: a number of seconds expected, got soon", parent.join, parent, "soon")
expect.raises("ParentProcess:is_alive: a ParentProcess expected, got nil", parent.is_alive)
