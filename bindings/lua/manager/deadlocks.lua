-- SPDX-License-Identifier: MIT
-- Deadlocks among the locks of one manager. The server has one thread and knows all holders, and each client waits for
-- one request at most; so a cycle is there when the wait that closes it begins, and that one is refused.
--
--   wait    { lock =, use =, who = }: what a client waits for without a time, and what it calls itself
--
-- A lock says who keeps a client from it: lock:blockers(use) → a set of clients.
local require = ...

local errors = require("core.errors")
local requests = require("manager.requests")

local deadlocks = {}

local waiting = setmetatable({}, { __mode = "k" }) -- client → its wait

-- The waits from that of `client` to one that `target` blocks, or nil. seen: clients that were looked at.
local function find_path(client, target, seen)
  local wait = waiting[client]
  if not wait or seen[client] then return nil end
  seen[client] = true
  for blocker in pairs(wait.lock:blockers(wait.use)) do
    local path = blocker == target and {} or find_path(blocker, target, seen)
    if path then
      table.insert(path, 1, wait)
      return path
    end
  end
end

local function letter(place) return string.char(64 + place) end

-- The locks are named by letters: the first client holds A, and waits for B.
local function describe(path)
  local lines = {}
  for i, wait in ipairs(path) do
    local before = path[i > 1 and i - 1 or #path]
    lines[i] = ("\n  %s holds %s %s and waits for %s %s%s"):format(wait.who.name, before.lock.kind, letter(i),
      wait.lock.kind, letter(i % #path + 1), wait.who.place)
  end
  return table.concat(lines)
end

local function refuse(where, path)
  if #path == 1 then
    local text = "%s: deadlock: this client holds the %s already, and would wait for itself for ever"
    errors.raise(errors.of_kind("deadlock", text:format(where, path[1].lock.kind)))
  end
  local text = ("%s: deadlock: each of %d waits for what another one holds:%s"):format(where, #path, describe(path))
  errors.raise(errors.of_kind("deadlock", text))
end

-- The caller's client is about to wait for the lock without a time: raises if that would never end. `use` is the
-- lock's.
function deadlocks.begin(where, lock, use)
  if requests.is_local() then return end -- the server itself refuses each endless wait
  local client = requests.client()
  waiting[client] = { lock = lock, use = use, who = requests.who() }
  local path = find_path(client, client, {})
  if not path then return end
  waiting[client] = nil
  refuse(where, path)
end

function deadlocks.finish() waiting[requests.client()] = nil end

return deadlocks
