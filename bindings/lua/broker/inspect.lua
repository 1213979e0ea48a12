-- SPDX-License-Identifier: MIT
-- What can be seen of a pool on an engine: its workers, which tell about themselves with each beat, its depth, its dead
-- letters.
local require = ...

local json = require("core.json")
local broker = require("broker.settings")

local look = {}

local function read_text(text)
  local ok, about = pcall(json.decode, text)
  return ok and type(about) == "table" and about or nil
end

-- The fields that Pool:stats() has everywhere, beside what the worker says.
local function describe(name, about)
  about.name, about.tasks = name, about.done or 0
  for _, field in ipairs({ "pid", "slots", "busy", "running", "startup", "bytes_in", "bytes_out" }) do
    about[field] = tonumber(about[field]) or 0
  end
  about.waiting = math.max(0, (tonumber(about.up) or 0) * about.slots - about.busy)
  return about
end

local function sum_up(names, texts)
  local found = { list = {}, slots = 0, abis = {} }
  for i, name in ipairs(names) do
    local about = texts[i] and read_text(texts[i])
    if about then
      found.list[#found.list + 1] = describe(name, about)
      if not about.is_leaving then found.slots = found.slots + about.slots end
      if about.abi then found.abis[about.abi] = true end
    end
  end
  return found
end

-- done{ list =, slots =, abis = } when the server has answered; not at all when the connection breaks.
function look.workers(conn, key, done)
  conn:send(function(_, names)
    if type(names) ~= "table" or #names == 0 then return done(sum_up({}, {})) end
    local words = { "MGET" }
    for _, name in ipairs(names) do words[#words + 1] = key .. "w:" .. name end
    conn:send_list(function(_, texts) done(sum_up(names, texts or {})) end, nil, words)
    conn:flush()
  end, nil, "ZRANGE", key .. "w", "0", "-1")
end

-- Depth ---------------------------------------------------------------------------------------------------------------

local SECONDS = 5

local function must(reply, why)
  if why then error(why, 0) end
  return reply
end

-- How many wait, how many run, and for how long the oldest waits.
local function depth_of(conn, stream, now)
  local length = must(conn:ask(SECONDS, "XLEN", stream))
  local pending, why = conn:ask(SECONDS, "XPENDING", stream, "g")
  if not pending and not conn.link then error(why, 0) end
  local running = pending and tonumber(pending[1]) or 0
  local last = "-"
  if running > 0 then last = "(" .. pending[3] end
  local oldest = length > running and must(conn:ask(SECONDS, "XRANGE", stream, last, "+", "COUNT", "1")) or {}
  local wait = oldest[1] and now - tonumber(oldest[1][1]:match("^%d+")) / 1000 or 0
  return math.max(0, length - running), running, math.max(0, wait)
end

-- → name, waiting, running, oldest (seconds), dead, workers (a list), slots, done, failed, lost, rate, p50, p99
function look.pool(conn, name)
  local key = broker.key_of(name)
  local clock = must(conn:ask(SECONDS, "TIME"))
  local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
  local box = {}
  local function done(found) box.found = found end
  look.workers(conn, key, done)
  local all = { name = name, waiting = 0, running = 0, oldest = 0 }
  local streams = { key .. "q" }
  all.dead = must(conn:ask(SECONDS, "XLEN", key .. "dead"))
  while not box.found do must(conn:ask(SECONDS, "PING")) end -- it comes behind the answers
  local found = box.found
  for abi in pairs(found.abis) do streams[#streams + 1] = key .. "q:" .. abi end
  for _, stream in ipairs(streams) do
    local waiting, running, oldest = depth_of(conn, stream, now)
    all.waiting, all.running, all.oldest = all.waiting + waiting, all.running + running, math.max(all.oldest, oldest)
  end
  all.slots, all.workers = found.slots, found.list
  for _, field in ipairs({ "done", "failed", "lost", "rate" }) do
    all[field] = 0
    for _, worker in ipairs(found.list) do all[field] = all[field] + (tonumber(worker[field]) or 0) end
  end
  for _, field in ipairs({ "p50", "p99" }) do
    for _, worker in ipairs(found.list) do all[field] = math.max(all[field] or 0, tonumber(worker[field]) or 0) end
  end
  return all
end

-- Dead letters -------------------------------------------------------------------------------------------------------

local function to_table(fields)
  local t = {}
  for i = 1, #fields, 2 do t[fields[i]] = fields[i + 1] end
  return t
end

-- → a list of { id, why, who, f, s, c, n, at }; the newest last
function look.dead(conn, name, most)
  local entries = must(conn:ask(SECONDS, "XREVRANGE", broker.key_of(name) .. "dead", "+", "-", "COUNT",
    tostring(most or 100)))
  local list = {}
  for i = #entries, 1, -1 do
    local t = to_table(entries[i][2])
    t.id, t.at, t.b, t.m = entries[i][1], tonumber(entries[i][1]:match("^%d+")) / 1000, nil, nil
    list[#list + 1] = t
  end
  return list
end

-- Puts a dead letter back into its stream: it runs again, though nobody waits for its result any more. True; or nil and
-- why.
function look.retry(conn, name, id)
  local dead = broker.key_of(name) .. "dead"
  local entries = must(conn:ask(SECONDS, "XRANGE", dead, id, id))
  if not entries[1] then return nil, "there is no dead letter " .. id end
  local t = to_table(entries[1][2])
  local words = { "XADD", t.stream, "*" }
  for _, field in ipairs({ "c", "s", "n", "f", "i", "x", "b", "m" }) do
    words[#words + 1], words[#words + 2] = field, field == "n" and "0" or t[field] or ""
  end
  words[#words + 1], words[#words + 2] = "again", "1"
  must(conn:call(SECONDS, conn.send_list, words))
  must(conn:ask(SECONDS, "XDEL", dead, id))
  return true
end

return look
