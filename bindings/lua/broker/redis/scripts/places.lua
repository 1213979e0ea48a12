-- SPDX-License-Identifier: MIT
-- Stands before other scripts, which call it `places`. A task with a limit to how many run at once gives its place to
-- the next one in the step in which it leaves its stream. The keys of the next one are made here; all keys of a pool
-- have one hash tag, so they lie on the same node as those that were declared.
--
--   holders   a hash: name → entry's id, of tasks that run, or that have a place and wait for a worker
--   x         all names that wait for a place, by the time since when
--   waiting   a sorted set of names, in the order in which they came; the record of each says "held" in the place of
--             its entry's id, and has `am`, how many may run at once, `no`, its number, and `st`, its stream

local places = {}

-- A worker that waits looks at once what comes later: an entry with the field "w", one at most. One that begins looks
-- by itself.
function places.wake(stream, registry)
  if redis.call("EXISTS", registry) == 0 then return end
  local before = redis.call("XREVRANGE", stream, "+", "-", "COUNT", 1)[1]
  if not before or before[2][1] ~= "w" then redis.call("XADD", stream, "*", "w", "1") end
  redis.pcall("XGROUP", "CREATE", stream, "g", "0")
end

-- The fields of an entry that a record keeps go back into a stream. → the id, or nil
function places.restore(record, stream)
  local found, fields, spent = redis.call("HGETALL", record), {}, {}
  for i = 1, #found, 2 do
    if found[i]:sub(1, 1) == "=" then
      spent[#spent + 1] = found[i]
      fields[#fields + 1], fields[#fields + 2] = found[i]:sub(2), found[i + 1]
    end
  end
  if #fields == 0 then return nil end
  redis.call("HDEL", record, unpack(spent))
  return redis.call("XADD", stream, "*", unpack(fields))
end

-- Those that came first get the places that are free.
local function give(prefix, digest)
  local holders, waiting = prefix .. "k:" .. digest, prefix .. "l:" .. digest
  while true do
    local name = redis.call("ZRANGE", waiting, 0, 0)[1]
    if not name then return end
    local record = prefix .. "t:" .. name
    local about = redis.call("HMGET", record, "am", "no", "st")
    if about[1] and redis.call("HLEN", holders) >= tonumber(about[1]) then return end
    redis.call("ZREM", waiting, name)
    redis.call("ZREM", prefix .. "x", name)
    if about[2] and redis.call("HGET", record, about[2]) == "held" then
      local id = places.restore(record, about[3])
      if id then
        redis.call("HSET", record, about[2], id)
        redis.call("HSET", holders, name, id)
      end
    end
  end
end

-- The task neither runs any more nor waits for a place. digest: of its limit; "": it has none
function places.leave(prefix, digest, name)
  if digest == "" then return end
  if redis.call("ZREM", prefix .. "l:" .. digest, name) == 1 then redis.call("ZREM", prefix .. "x", name) end
  if redis.call("HDEL", prefix .. "k:" .. digest, name) == 1 then give(prefix, digest) end
end
