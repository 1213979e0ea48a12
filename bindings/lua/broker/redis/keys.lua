-- SPDX-License-Identifier: MIT
-- The names of keys on a Redis server.
--
-- Keys of a pool, all behind manymoons:{NAME}:
--   q, q:<abi>         streams of tasks, for all workers, or for those of one Lua; one group of consumers, g
--   q9, q9:<abi>, …    the same for posted tasks of another priority than 5
--   levels             the set of these priorities, once there was a task of each
--   o:<client>         a hash: number → id of each task that is open; hw: the highest number
--   r:<client>         the stream of the client's results
--   f:<sha256>         a function
--   u:<sha256>         its holders: the clients that need it, and "dead" for the dead letters
--   d:<client>:<n>     a bit for each task of a client that has its outcome, 2^20 in a key, for as
--                      long as signatures are good: no copy of it runs again
--   w, w:<worker>      the registry of workers by the time of their last heartbeat, and what each says about itself
--   dead               the stream of dead letters
--   paused             a flag: workers fetch no tasks
--   t:<task>           the record of a posted task: number → its entry's id, or "due", and then its fields;
--                      or its outcome
--   y, s:<schedule>    the schedules by the time of their next run, and what each of them is
--   z, z:<abi>         the posted tasks that are due later, by the time
--   e:<key>            the name of the posted task that holds the key of its own
--   b:<function>       the time until which all places of a function whose runs are limited are taken
--   k:<key>, l:<key>   where few tasks may run at once: a hash, name → entry's id, of those that do or are
--                      next, and those that wait for that by the order in which they came
--   x                  all tasks that wait so, by the time
--   n:<task>           a list that wakes those that wait for a posted task's outcome
-- and of a queue:
--   i, p:<putter>      the stream of items, and the number of a putter's last one
--   c, c:<consumer>    as w, of those that hold items
--   closed, wait, room flags that it is closed and that putters wait, and the list that wakes these
local require = ...

local codec = require("broker.codec")

local keys = {}

local BITS = 2 ^ 20
local USUAL = "5" -- the priority of tasks that have none

-- The braces keep everything of one pool on one node of a cluster.
function keys.key_of(name) return "manymoons:{" .. name .. "}:" end

-- level: the priority as a digit; "", nil: the usual one
function keys.stream_of(key, abi, level)
  if not level or level == USUAL then level = "" end
  return key .. "q" .. level .. (abi == "" and "" or ":" .. abi)
end

-- → the Lua of a stream, and the priority, "" for the usual one; nil: it is no stream of tasks
function keys.read_stream(key, stream)
  if stream:sub(1, #key) ~= key then return nil end
  local level, abi = stream:match("^q(%d?):(%x+)$", #key + 1)
  if not level then level, abi = stream:match("^q(%d?)$", #key + 1), "" end
  if level then return abi, level end
end

-- The streams of these Luas by their priority, the highest first. levels: members of the set of priorities
function keys.streams_of(key, abis, levels)
  local ordered, streams = { USUAL }, {}
  for _, level in ipairs(levels) do
    if level:find("^%d$") and level ~= USUAL then ordered[#ordered + 1] = level end
  end
  table.sort(ordered, function(a, b) return a > b end)
  for _, level in ipairs(ordered) do
    for _, abi in ipairs(abis) do streams[#streams + 1] = keys.stream_of(key, abi, level) end
  end
  return streams
end

-- Those of one Lua for each priority from 0 on.
function keys.all_streams_of(key, abi)
  local streams = {}
  for level = 0, 9 do streams[level + 1] = keys.stream_of(key, abi, tostring(level)) end
  return streams
end

function keys.levels_of(key) return key .. "levels" end

-- The keys of a function, and of its holders.
function keys.keys_of_function(key, name) return key .. name, key .. "u" .. name:sub(2) end

-- Of a posted task, and the list that wakes those that wait for its outcome.
function keys.record_of(key, task) return key .. "t:" .. codec.name_of(task) end
function keys.mail_of(key, task) return key .. "n:" .. codec.name_of(task) end

-- Here stands the name of the posted task that holds a key of its own, while it has no outcome.
function keys.unique_of(key, task) return key .. "e:" .. task.unique end

-- The line of a function whose runs are limited.
function keys.line_of(key, func) return key .. "b:" .. codec.digest(func) end

-- The tasks with a limit to how many run at once that do so, and those that wait for it; digest: of the limit.
function keys.limit_of(key, digest) return key .. "k:" .. digest, key .. "l:" .. digest end

function keys.held_of(key) return key .. "x" end

function keys.due_of(key, abi) return abi == "" and key .. "z" or key .. "z:" .. abi end

-- The key and the place of a task's bit among those that are done.
function keys.bit_of(key, task)
  local number = tonumber(task.seq) or 0
  return string.format("%sd:%s:%.0f", key, task.client, math.floor(number / BITS)), string.format("%.0f", number % BITS)
end

function keys.registry_of(key) return key .. "w" end
function keys.pause_of(key) return key .. "paused" end
function keys.schedules_of(key) return key .. "y" end
function keys.schedule_of(key, name) return key .. "s:" .. name end

return keys
