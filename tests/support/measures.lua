-- SPDX-License-Identifier: MIT
-- Counts of this process's descriptors, memory and children, for tests that nothing grows. Linux only: it reads /proc.
local lfs = require "lfs"

local measures = {}

local function status_of(name)
  for line in io.lines("/proc/self/status") do
    local value = line:match("^" .. name .. ":%s*(%d+)")
    if value then return tonumber(value) end
  end
end

function measures.descriptors()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
  return count
end

-- Committed pages of the segment, which the processes of the program share.
function measures.segment_kib()
  for name in lfs.dir("/proc/self/fd") do
    local path = "/proc/self/fd/" .. name
    local target = lfs.symlinkattributes(path, "target")
    if target and target:find("^/memfd:manymoons") then return lfs.attributes(path, "blocks") / 2 end
  end
  return 0
end

function measures.private_kib() return status_of("RssAnon") end

function measures.mappings()
  local count = 0
  for _ in io.lines("/proc/self/maps") do count = count + 1 end
  return count
end

function measures.threads() return status_of("Threads") end

-- Children of this process in any state, zombies among them.
function measures.children()
  local pid, count = tostring(status_of("Pid")), 0
  for name in lfs.dir("/proc") do
    local file = name:find("^%d+$") and io.open("/proc/" .. name .. "/stat")
    if file then
      local parent = (file:read("*a") or ""):match("%) %a (%d+)")
      file:close()
      if parent == pid then count = count + 1 end
    end
  end
  return count
end

-- A sanitizer keeps freed memory, to find uses after free, so there only the other counts mean something.
function measures.is_sanitized() return (os.getenv("MM_BUILD") or ""):find("san$") ~= nil end

return measures
