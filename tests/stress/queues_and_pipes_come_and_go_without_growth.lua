-- SPDX-License-Identifier: MIT
-- Ten thousand of each, opened, used and dropped: neither descriptors nor memory grow.
local mm = require "manymoons"
local expect = require "expect"

local function count_descriptors()
  local count = 0
  for _ in require("lfs").dir("/proc/self/fd") do count = count + 1 end
  return count
end

local function resident_kib()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

local function come_and_go(count)
  for i = 1, count do
    local q = mm.Queue(i % 3)
    q:put({ i, ("x"):rep(i % 5000) })
    local a, b = mm.Pipe()
    a:send(q)
    if i % 2 == 0 then b:recv():get() end
    if i % 3 == 0 then a:close() end
  end
  collectgarbage()
  collectgarbage()
end

come_and_go(2000)
local descriptors, memory = count_descriptors(), resident_kib()
come_and_go(10000)
expect.equal(count_descriptors(), descriptors)
-- A sanitizer keeps what is freed, to find who still uses it.
local is_sanitized = os.getenv("MM_BUILD"):find("san$")
local grown = resident_kib() - memory
expect.truthy(is_sanitized or grown < 8 * 1024, "memory grew by " .. grown .. " KiB")
