-- SPDX-License-Identifier: MIT
-- A filter for log_filter: requests by status, and by the hour of their answers that failed.
local counts

function start() counts = {} end

local function count(what) counts[what] = (counts[what] or 0) + 1 end

function line(text)
  local hour, status = text:match("%[%d+/%a+/%d+:(%d+):[^%]]*%] \"[^\"]*\" (%d%d%d)")
  if not status then return count("not understood") end
  count("status " .. status)
  if status:sub(1, 1) == "5" then count("failed at " .. hour .. " h") end
end

function result() return counts end
