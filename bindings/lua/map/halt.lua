-- SPDX-License-Identifier: MIT
-- When a run of `manymoons map` ends before its input: --halt, with the words of GNU parallel.
--
--   never                      it does not (the default)
--   now,fail=N   soon,fail=N   once N lines failed (or N %, of those that are done): at once, or when those that run
--                              have ended. In the place of fail: success, done
local Halt = {}
Halt.__index = Halt

local halt = {}

local LEAST_SHARE = 3 -- of lines: a percentage of fewer says nothing

-- text → the rule; nil and what is expected.
function halt.read(text)
  if text == "never" then return setmetatable({ is_never = true }, Halt) end
  local when, why, number, unit = text:match("^(%l+),(%l+)=(%d+)(%%?)$")
  number = tonumber(number)
  if (when ~= "now" and when ~= "soon") or (why ~= "fail" and why ~= "success" and why ~= "done") or number < 1
    or (unit == "%" and number > 100) then
    return nil, "never, now,fail=N or soon,fail=N (or N%, and success or done as well)"
  end
  return setmetatable({ is_now = when == "now", why = why, number = number, is_share = unit == "%" }, Halt)
end

-- Whether the run ends, after so many lines were done and failed.
function Halt:is_reached(done, failed)
  if self.is_never then return false end
  local count = self.why == "fail" and failed or self.why == "done" and done or done - failed
  if not self.is_share then return count >= self.number end
  return count >= LEAST_SHARE and count * 100 >= self.number * done
end

-- After how many further failures a slice stops, because the rule may be reached then; and how many lines it may have.
function Halt:limits(done, failed)
  if self.is_never then return math.huge, math.huge end
  local wanted = self.is_share and math.max(LEAST_SHARE, math.ceil(self.number * done / 100)) or self.number
  if self.why == "fail" then return math.max(1, wanted - failed), math.huge end
  return math.huge, math.max(1, wanted - (self.why == "done" and done or done - failed))
end

return halt
