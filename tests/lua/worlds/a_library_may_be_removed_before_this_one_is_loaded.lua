-- SPDX-License-Identifier: MIT
-- A program that removes io, os or debug, also from package.loaded, before it loads the library: workers run and find
-- none of them, and files that were open before work.
local expect = require "expect"
local file, exit = io.tmpfile(), os.exit
for _, name in ipairs({ "io", "os", "debug" }) do
  _G[name] = nil
  package.loaded[name] = nil
end
local mm = require "manymoons"

local function work(queue)
  local ours = require "manymoons"
  queue:put({ io == nil and os == nil and debug == nil, #ours.async.gather({ ours.async.spawn(tostring, 1) }) })
end
local queue = mm.Queue()
local process = mm.Process(work, queue)
process:start()
expect.equal(queue:get(mm.current_world() ~= "serial" and expect.HANG or 0), { true, 1 })
process:join()
expect.equal(process.exitcode, 0)

local pool = mm.Pool(1)
expect.equal(pool:map(function(x) return x * 2 end, { 1, 2 }), { 2, 4 })
pool:terminate()

expect.truthy(file:write("a line\n") and file:seek("set"))
expect.equal(file:read("*l"), "a line")
expect.truthy(file:close() and exit)
