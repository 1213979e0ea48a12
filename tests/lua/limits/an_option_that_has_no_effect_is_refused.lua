-- SPDX-License-Identifier: MIT
-- The options of a Process mean the same in every world, or raise an error that names them: none is ignored.
local mm = require "manymoons"
local expect = require "expect"

local has_own_vm = ({ interpreters = true, processes = true })[mm.current_world()]
local function nothing() end

local function started(options)
  options.target = nothing
  local p = mm.Process(options)
  p:start()
  p:join()
  return p.exitcode
end

for name, value in pairs{ memory = 2 ^ 24, timeout = expect.HANG, libs = { "io" }, nice = 1 } do
  if has_own_vm then
    expect.equal(started{ [name] = value }, 0)
  else
    expect.raises("Process: " .. name .. ": only for the worlds interpreters and processes", started,
      { [name] = value })
  end
end
expect.raises("Process: method: 'fork', 'spawn' or 'forkserver' expected, got nonsense", started,
  { method = "nonsense" })
expect.raises("Process: name: a string expected, got number", started, { name = 5 })
expect.raises("Process: unknown option 'priority'", started, { priority = 5 })
expect.equal(started{ method = "spawn" }, 0)

-- A limit too small for a VM.
if has_own_vm then
  local text = "memory: 1000 bytes are too few for a worker's VM, which needs at least 32768"
  expect.raises("Process: " .. text, started, { memory = 1000 })
  expect.raises("Pool: " .. text, mm.Pool, { workers = 2, memory = 1000 })
end

-- An initializer that ends its worker. In the serial world it would end the program.
if mm.current_world() ~= "serial" then
  local err = tostring(expect.raises("ended before they were ready", mm.Pool,
    { workers = 1, initializer = function() os.exit(3) end }))
  expect.truthy(err:find("the last one with exit code 3; their initializer may have ended them", 1, true), err)
end
