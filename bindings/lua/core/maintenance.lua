-- SPDX-License-Identifier: MIT
-- What is done between the slices of each wait of this VM (core/waiting.c): bars are drawn, pools are looked after; and
-- before a wait, for bars alone.
local _, native = ...

local maintenance = {}

-- By name: a function, and whether it may call code of the script.
local jobs = {}
local ORDER = { "bars", "pools" }

local function run(are_bars_alone)
  for _, name in ipairs(ORDER) do
    if jobs[name] then pcall(jobs[name]) end
    if are_bars_alone then return end
  end
end

local function note() native.set_maintenance(next(jobs) and run or nil, jobs.pools ~= nil) end

-- f: called in each slice from now on, or nil.
function maintenance.set(name, f)
  jobs[name] = f
  note()
end

function maintenance.after_fork()
  jobs = {}
  note()
end

return maintenance
