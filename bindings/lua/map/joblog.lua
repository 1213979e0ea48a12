-- SPDX-License-Identifier: MIT
-- The log of `manymoons map`, in the columns of GNU parallel's: a line of text for each line of input that has ended,
-- in the order in which the results were printed. --resume reads it, and leaves out the lines that it has.
--
-- An entry is written after its result. So a program that is killed between the two prints a line again when it
-- resumes, and loses none.
local COLUMNS = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"
local ENTRY = "^(%d+)\t[^\t]*\t[%d.]+\t[%d.]+\t%d+\t%d+\t(-?%d+)\t(%d+)\t"

local Log = {}
Log.__index = Log

local joblog = {}

-- Lines that are done, as ranges in order ----------------------------------------------------------------------------

local Done = {}
Done.__index = Done

local function merge(ranges)
  table.sort(ranges, function(a, b) return a.first < b.first end)
  local merged = {}
  for _, range in ipairs(ranges) do
    local last = merged[#merged]
    if last and range.first <= last.last + 1 then
      last.last = math.max(last.last, range.last)
    else
      merged[#merged + 1] = range
    end
  end
  return setmetatable({ ranges = merged, at = 1 }, Done)
end

-- Of the lines from `number` on, which never falls: whether they are done, and how many in a row are the same.
function Done:span(number)
  local range = self.ranges[self.at]
  while range and range.last < number do
    self.at = self.at + 1
    range = self.ranges[self.at]
  end
  if not range then return false, math.huge end
  if number < range.first then return false, range.first - number end
  return true, range.last - number + 1
end

-- Adds a line's number to the ranges that were read so far.
local function note(ranges, number)
  local last = ranges[#ranges]
  if last and number == last.last + 1 then
    last.last = number
  else
    ranges[#ranges + 1] = { first = number, last = number }
  end
end

-- The lines that the log at `path` has; those that failed are among them unless they are to run again.
function joblog.read(path, is_failed_again)
  local ranges = {}
  local file, why, code = io.open(path, "rb")
  if not file then
    if code == 2 then return merge(ranges) end -- there is none yet
    error("--joblog: " .. why, 0)
  end
  for entry in file:lines() do
    local number, exit, signal = entry:match(ENTRY)
    local has_failed = number and (tonumber(exit) ~= 0 or tonumber(signal) ~= 0)
    if number and not (has_failed and is_failed_again) then note(ranges, tonumber(number)) end
  end
  file:close()
  return merge(ranges)
end

-- Writing -------------------------------------------------------------------------------------------------------------

-- The last byte of the file; "" where there is none.
local function last_byte(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local byte = file:seek("end", -1) and file:read(1)
  file:close()
  return byte or ""
end

-- Opens the log; is_resumed: behind what it has, of which the last entry may have been cut by the end of its writer.
function joblog.open(path, is_resumed)
  local last = is_resumed and last_byte(path) or ""
  local file, why = io.open(path, is_resumed and "ab" or "wb")
  if not file then error("--joblog: " .. why, 0) end
  local self = setmetatable({ file = file, path = path }, Log)
  self:write(last == "" and COLUMNS or last == "\n" and "" or "\n")
  return self
end

-- Entries, whole.
function Log:write(entries)
  local ok, why = self.file:write(entries)
  if ok then ok, why = self.file:flush() end
  if not ok then error("--joblog: " .. self.path .. ": " .. tostring(why), 0) end
end

return joblog
