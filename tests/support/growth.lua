-- SPDX-License-Identifier: MIT
-- For tests that open and drop many objects: checks that no descriptors and no memory are left.
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

-- come_and_go(count) is called twice; the second time neither descriptors nor memory grow.
return function(come_and_go, first, second, most_kib)
  local function go(count)
    come_and_go(count)
    collectgarbage()
    collectgarbage()
  end
  go(first)
  local descriptors, memory = count_descriptors(), resident_kib()
  go(second)
  expect.equal(count_descriptors(), descriptors)
  -- A sanitizer keeps freed memory, to find uses after free.
  local is_sanitized = os.getenv("MM_BUILD"):find("san$")
  local grown = resident_kib() - memory
  expect.truthy(is_sanitized or grown < most_kib, "memory grew by " .. grown .. " KiB")
end
