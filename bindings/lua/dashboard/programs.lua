-- SPDX-License-Identifier: MIT
-- Programs of this machine for the dashboard: what `top` shows (top/look.lua), as plain tables for JSON.
local require, native = ...

local json = require("core.json")
local look = require("top.look")
local text = require("top.text")

local programs = {}

local before = {} -- PID → what the next look compares with
local generations = {} -- PID → the samples under way

local function pick(from, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = from[name] end
  return out
end

local WORKER = { "name", "pid", "tid", "phase", "cpu", "bytes", "busy_share", "calls_rate", "state", "call", "lock",
  "age", "tasks", "is_main", "is_task" }
local RING = { "purpose", "place", "depth", "rate", "put", "bytes", "maxsize", "is_closed" }

-- The programs of this user.
function programs.list()
  local list = json.list()
  for i, program in ipairs(look.programs()) do
    list[i] = program
    program.command = text.command(program.command)
  end
  return { programs = list }
end

-- Samples of the program's stacks are taken from here on, until `finish`.
function programs.begin(pid) generations[pid] = look.begin(pid) end

-- What the program does; or { ended = a reason }.
function programs.finish(pid)
  local generation = generations[pid]
  generations[pid] = nil
  local threads = generation and look.finish(pid, generation)
  local view, why = look.at(pid, before[pid], threads)
  if not view then
    before[pid] = nil
    return { ended = why }
  end
  before[pid] = { by_thread = view.by_thread, by_place = view.by_place, at = view.at }
  local workers, rings = json.list(), json.list()
  for i, worker in ipairs(view.workers) do workers[i] = pick(worker, WORKER) end
  for i, ring in ipairs(view.rings) do rings[i] = pick(ring, RING) end
  return { pid = pid, command = text.command(native.process_command(pid) or ""), resident = view.resident,
    processes = #view.processes, workers = workers, rings = rings }
end

-- Forgets programs at which nobody looks any more. pids: a set
function programs.keep(pids)
  for pid in pairs(before) do
    if not pids[pid] then before[pid] = nil end
  end
end

return programs
