-- SPDX-License-Identifier: MIT
-- The futures that nobody has asked for their result. What became of them is reported when they are collected
-- (pool/future.lua), or else when the program ends: failures, and how many calls were not run.
--
-- Hosts say in different ways that they end: shutdown of api.lua, os.exit (async/exit.lua), and the end of the state,
-- where an object that is kept until then is collected. Whichever comes first tells all there is.
local require, native = ...

local diagnostics = require("core.diagnostics")
local finalizers = require("core.finalizers")
local identity = require("core.identity")

local unheard = {}

local futures, last = setmetatable({}, { __mode = "k" }), 0 -- their numbers, in order of their making
local guard = nil -- fires at the end of the state

function unheard.add(future)
  last = last + 1
  futures[future] = last
end

function unheard.remove(future) futures[future] = nil end
function unheard.has(future) return futures[future] ~= nil end

-- Of the calling thread or task; for the main thread, of the VM.
local function list_here()
  local list, here = {}, identity.execution_context()
  for future in pairs(futures) do
    if not here or future._pool._config.context == here then list[#list + 1] = future end
  end
  table.sort(list, function(a, b) return futures[a] < futures[b] end)
  return list
end

local function look_at_pools(list)
  local seen = {}
  for _, future in ipairs(list) do
    local pool = future._pool
    if not seen[pool] and not pool._dispatcher.has_ended(pool) then pcall(pool._dispatcher.take_last, pool) end
    seen[pool] = true
  end
end

-- How many of its calls have not begun, and will not.
local function withdraw(future)
  local pool = future._pool
  if future._awaited then return 1 end
  if future._is_done or not future._work or pool._dispatcher.has_ended(pool) then return 0 end
  return pool._dispatcher.withdraw(pool, future._work)
end

local function report_not_run(count)
  if count == 0 then return end
  local own = identity.current().name
  local who = own == "MainProcess" and "the program" or native.printable(own)
  local what = count == 1 and "1 submitted call was" or count .. " submitted calls were"
  diagnostics.report(what .. " not run: " .. who .. " ended before")
end

-- The caller's program, or its worker, ends. Results that are there are looked at.
function unheard.tell()
  if not next(futures) then return end
  look_at_pools(list_here())
  local count = 0
  for _, future in ipairs(list_here()) do
    futures[future] = nil
    if future._unasked then future._unasked.fire() else count = count + withdraw(future) end
    if future._unasked then future._unasked.disarm() end
  end
  report_not_run(count)
end

-- What is made after this call is gone at the end of the state when the futures are looked at; workers are.
function unheard.watch_end()
  if guard then
    guard.disarm()
  else
    table.insert(require("async.exit").told, unheard.tell)
  end
  guard = finalizers.on_collection(unheard.tell)
end

function unheard.after_fork()
  if next(futures) then futures = setmetatable({}, { __mode = "k" }) end
  if guard then guard.disarm() end
end

return unheard
