-- SPDX-License-Identifier: MIT
-- The first failure of a gather or a group cancels the others, which close their variables; it is raised with both
-- tracebacks. A failure whose result is never asked for is reported.
-- worlds: async threads interpreters
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local has_close = coroutine.close ~= nil -- Lua 5.4
local open, closed = 0, 0
local function with_open_file(wait)
  if not has_close then return wait() end
  return load([[
    local open, close, wait = ...
    local file <close> = setmetatable({ file = io.open("/proc/self/status") }, { __close = close })
    open()
    return wait()
  ]])(function() open = open + 1 end, function(self)
    self.file:close()
    closed = closed + 1
  end, wait)
end

local function fails()
  mm.sleep(0.01)
  error("it broke")
end

local function check_error(err)
  expect.equal(err.kind, "error")
  expect.truthy(tostring(err):find("it broke"))
  local failed = err.traceback:find("a_failure_cancels", 1, true)
  local spawned = err.traceback:find("spawned at:", 1, true)
  expect.truthy(failed and spawned and failed < spawned, "where it failed")
  expect.truthy(err.traceback:find("a_failure_cancels", spawned, true), "where it was spawned")
end

-- A gather with open files
async.run(function()
  local finished = 0
  local tasks = { async.spawn(fails) }
  for i = 2, 20 do
    tasks[i] = async.spawn(function()
      with_open_file(function() mm.sleep(30) end)
      finished = finished + 1
    end)
  end
  check_error(expect.raises("it broke", async.gather, tasks))
  expect.equal(finished, 0)
  for i = 2, 20 do expect.equal(expect.raises("cancelled", tasks[i].get, tasks[i]).kind, "cancelled") end
  expect.equal(closed, open)
end)

-- A group
async.run(function()
  local cleaned = false
  check_error(expect.raises("it broke", async.group, function(g)
    g:spawn(fails)
    g:spawn(function() with_open_file(function() mm.sleep(30) end) end)
    mm.sleep(30)
    cleaned = true
  end))
  expect.equal(cleaned, false)
  expect.equal(closed, open)
end)

-- Those that fail before the rest is cancelled are told as well: of a group, a map and a gather.
async.run(function()
  local function fail(word) error(word, 0) end
  local function check_all(err, words)
    expect.equal(err.message, words[1])
    for i, word in ipairs(words) do expect.equal({ err.errors[i].message, err.errors[i].kind }, { word, "error" }) end
    expect.equal(#err.errors, #words)
    expect.truthy(tostring(err):find("one\n2 more failed: two; three\n", 1, true), tostring(err))
  end
  local words = { "one", "two", "three" }
  check_all(expect.raises("one", async.group, function(g)
    for _, word in ipairs(words) do g:spawn(fail, word) end
    g:spawn(mm.sleep, 30)
  end), words)
  check_all(expect.raises("one", async.map, words, fail), words)
  local tasks = {}
  for i, word in ipairs(words) do tasks[i] = async.spawn(fail, word) end
  tasks[4] = async.spawn(mm.sleep, 30)
  check_all(expect.raises("one", async.gather, tasks), words)
  expect.equal(rawget(expect.raises("alone", async.gather, { function() fail("alone") end }), "errors"), nil)
end)

-- Cancelling a task that gathers cancels the gathered tasks.
async.run(function()
  local inner
  local outer = async.spawn(function()
    inner = async.spawn(function() with_open_file(function() mm.sleep(30) end) end)
    async.gather({ inner })
  end)
  mm.sleep(0)
  mm.sleep(0)
  expect.equal(outer:cancel(), true)
  expect.equal({ inner:done(), outer:done() }, { true, true })
  expect.equal(outer:cancel(), false)
  expect.equal(closed, open)
end)

-- Tasks that still run when run ends are cancelled.
local left
async.run(function() left = async.spawn(function() with_open_file(function() mm.sleep(30) end) end) mm.sleep(0) end)
expect.equal(left:done(), true)
expect.equal(closed, open)

-- run raises main's error, and any value may be one.
expect.equal(expect.raises("", async.run, function() error({ code = 7 }) end).value.code, 7)

-- A value that is not a string, through get.
async.run(function()
  local task = async.spawn(function() error(setmetatable({}, { __tostring = function() return "an object" end })) end)
  expect.raises("an object", task.get, task)
end)

-- Cancelling a task where it cannot yield also cancels the tasks that it gathers or that its own run spawned.
async.run(function()
  local inner, spawned
  local outer = async.spawn(function()
    coroutine.wrap(function()
      inner = async.spawn(function() mm.sleep(30) end)
      async.gather({ inner })
    end)()
  end)
  local runner = async.spawn(function()
    async.run(function()
      spawned = async.spawn(function() mm.sleep(30) end)
      mm.sleep(30)
    end)
  end)
  for _ = 1, 4 do mm.sleep(0) end
  outer:cancel()
  runner:cancel()
  expect.equal(outer:wait(expect.HANG), true)
  expect.equal({ inner:done(), spawned:done(), runner:done() }, { true, true, true })
end)

-- A __close function may wait during a cancellation.
if has_close then
  async.run(function()
    local order = {}
    local task = async.spawn(load([[
      local mm, order = ...
      local slow <close> = setmetatable({}, { __close = function()
        mm.sleep(0.01)
        order[#order + 1] = "closed"
      end })
      mm.sleep(30)
    ]]), mm, order)
    mm.sleep(0)
    task:cancel()
    expect.equal(expect.raises("cancelled", task.get, task).kind, "cancelled")
    expect.equal(order, { "closed" })
  end)
end
