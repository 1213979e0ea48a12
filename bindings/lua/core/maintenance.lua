-- SPDX-License-Identifier: MIT
-- What is done between the slices of each wait of this VM (core/waiting.c): bars are drawn, pools and actors are looked
-- after; and before a wait, for bars alone.
local _, native = ...

local DRAW_EVERY = 0.05 -- seconds
local maintenance = {}

-- "bars", "pools", "actors" → a function; those of pools and actors may call code of the script
local jobs = {}

-- → whether the job has done something, or will when a time has come.
local function run_job(name)
  if not jobs[name] then return false end
  local ok, is_active = pcall(jobs[name])
  return not ok or is_active
end

local function run(are_bars_alone)
  run_job("bars")
  if are_bars_alone then return false end
  local are_pools_active = run_job("pools")
  return run_job("actors") or are_pools_active
end

local function note() native.set_maintenance(next(jobs) and run or nil, (jobs.pools or jobs.actors) ~= nil) end

-- f: called in each slice from now on, or nil.
function maintenance.set(name, f)
  jobs[name] = f
  note()
end

-- For a wait that is not cut into slices: draws bars that are due → the seconds until it has to do so again; nil: there
-- are no bars.
function maintenance.draw_bars()
  if not jobs.bars then return nil end
  pcall(jobs.bars)
  return DRAW_EVERY
end

function maintenance.after_fork()
  if not next(jobs) then return end
  jobs = {}
  note()
end

return maintenance
