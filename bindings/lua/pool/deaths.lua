-- SPDX-License-Identifier: MIT
-- The deaths of a pool's workers that had run nothing since the last answer, and what follows from them: a pause before
-- the next start, or the end of the pool.
--
-- A worker that was never ready is a start that failed. A worker that had been ready was killed by something else: its
-- death says little of the next one, so many more are replaced, and the first ones of a moment at once. What decides is
-- a rate: so many in so many seconds. An answer from any worker proves that workers can run, and forgets them all.
--
--   failed, idle   { count, since }: how many, and when the first of them died
local deaths = {}

local SECONDS = 60
local FIRST_PAUSE = 0.01
-- So many are replaced at once: AT_ONCE, and one for each worker. More than `most` end the pool; the longest pause.
local AT_ONCE = 2
local kinds = {
  failed = { most = 10, most_each = 2, longest = 0.3 },
  idle = { most = 200, most_each = 20, longest = 0.1 },
}

---@class PoolDeaths
---@field failed table
---@field idle table
---@field code integer? the exit code of the last one
---@field size integer how many workers the pool has
---@field any boolean whether there are some

---@return PoolDeaths
function deaths.new(size)
  return { code = nil, failed = { count = 0, since = 0 }, idle = { count = 0, since = 0 }, size = size, any = false }
end

function deaths.forget(self)
  self.failed.count, self.idle.count, self.any = 0, 0, false
end

-- A worker has died at this time, with this exit code (nil: it could not be started). The kind: whether it had been
-- ready.
function deaths.note(self, was_ready, now, code)
  self.code = code
  local noted = was_ready and self.idle or self.failed
  if now - noted.since > SECONDS then noted.count, noted.since = 0, now end
  noted.count, self.any = noted.count + 1, true
end

-- Why the pool cannot go on; nil: it can.
function deaths.verdict(self)
  for kind, rule in pairs(kinds) do
    local count = self[kind].count
    if count > rule.most + rule.most_each * self.size then
      local what = kind == "failed" and "ended before they were ready" or "died before they ran anything"
      local last = self.code and ", the last one with exit code " .. self.code or ""
      return string.format("%d workers %s within %d seconds%s", count, what, SECONDS, last)
    end
  end
end

-- Seconds until the next worker is to be started; 0: at once.
function deaths.pause(self)
  local longest = 0
  for kind, rule in pairs(kinds) do
    local over = self[kind].count - AT_ONCE - self.size
    if over > 0 then longest = math.max(longest, math.min(FIRST_PAUSE * 2 ^ (over - 1), rule.longest)) end
  end
  return longest
end

return deaths
