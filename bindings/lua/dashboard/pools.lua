-- SPDX-License-Identifier: MIT
-- Pools on a broker for the dashboard: what `manymoons pool` shows and does, as plain tables for JSON.
--
-- One session for each pool that is looked at; one that breaks is opened again after a pause. All of it is the text of
-- strangers: it is bounded here, and shown as text by the page.
local require, native = ...

local json = require("core.json")
local codec = require("broker.codec")
local inspect = require("broker.inspect")
local letters = require("broker.letters")
local posting = require("broker.posting")
local values = require("prompt.values")

local time = native.time

local Pools = {}
Pools.__index = Pools

local CONNECT, PAUSE, TASKS, TEXT = 2, 3, 100, 300

local function shown(value, most)
  local line = native.printable(tostring(value or ""))
  return #line > (most or TEXT) and line:sub(1, most or TEXT) .. "..." or line
end

local LINES = 20000 -- bytes of text that has several lines

local function shown_lines(text)
  local lines = {}
  for line in (text or ""):sub(1, LINES):gmatch("[^\n]+") do
    lines[#lines + 1] = native.printable((line:gsub("\t", "  ")))
  end
  return table.concat(lines, "\n")
end

-- Sessions ------------------------------------------------------------------------------------------------------------

-- The session; or nil and why there is none.
local function session_of(self, name)
  local known = self.sessions[name] or {}
  self.sessions[name] = known
  if known.session then return known.session end
  if known.retry_at and time() < known.retry_at then return nil, known.why end
  local session = self.settings.backend.Inspector.new(self.settings, { name = name })
  local opened, why = session:open(CONNECT)
  if not opened then
    known.retry_at, known.why = time() + PAUSE, why
    return nil, why
  end
  known.session = session
  return session
end

local function drop(self, name, why)
  local known = self.sessions[name]
  if known and known.session then known.session:close(why) end
  self.sessions[name] = { retry_at = time() + PAUSE, why = why }
end

-- f(session, …) → its results; or nil and why
local function with_session(self, name, f, ...)
  local session, why = session_of(self, name)
  if not session then return nil, why end
  local ok, result, problem = pcall(f, session, ...)
  if ok and (result ~= nil or not problem) then return result, problem end
  why = tostring(ok and problem or result):gsub("^manymoons/[%w_/.]+:%d+: ", "")
  if not ok then drop(self, name, why) end
  return nil, why
end

-- What is shown -------------------------------------------------------------------------------------------------------

-- The first tasks of a place in what was asked of it, by their entries.
local function entries_of(session, place, with_running)
  local list, is_there = session:tasks_at(place, nil, with_running) or {}, {}
  for _, task in ipairs(list) do is_there[task.entry or false] = true end
  return list, is_there
end

local function state_of(task, place, is_waiting)
  if place.set then return "due later" end
  return is_waiting[task.entry] and "waiting" or "running"
end

local function tasks_of(session, name, abis)
  local list = json.list()
  for _, place in ipairs(session:places(abis) or {}) do
    local _, is_waiting = nil, {}
    if place.stream then _, is_waiting = entries_of(session, place, false) end
    for _, task in ipairs((entries_of(session, place, true))) do
      if #list == TASKS then return list end
      list[#list + 1] = { id = codec.is_posted(task) and posting.id_of(name, task) or nil, entry = shown(task.entry),
        func = shown(codec.function_shown(task)), state = state_of(task, place, is_waiting) }
    end
  end
  return list
end

local function dead_of(session)
  local list, found = json.list(), session:dead(TASKS) or {}
  for i = #found, 1, -1 do
    local letter = found[i]
    list[#list + 1] = { id = shown(letter.id), at = letter.at, func = shown(codec.function_shown(letter)),
      why = shown(letter.why), who = shown(letter.who) }
  end
  return list
end

local function schedules_of(session)
  local list = json.list()
  for i, s in ipairs(session:schedules() or {}) do
    list[i] = { name = shown(s.name), cron = shown(s.cron), at = s.at, label = shown(s.label) }
  end
  return list
end

local WORKER = { "pid", "slots", "running", "tasks", "failed", "lost", "rate", "p50", "p99", "busy", "up" }

local function workers_of(pool)
  local list, abis, is_known = json.list(), { "" }, {}
  for i, worker in ipairs(pool.workers) do
    list[i] = { name = shown(worker.name), host = shown(worker.host), world = shown(worker.world),
      is_leaving = worker.is_leaving == true }
    for _, field in ipairs(WORKER) do list[i][field] = tonumber(worker[field]) end
    if type(worker.abi) == "string" and not is_known[worker.abi] then
      is_known[worker.abi], abis[#abis + 1] = true, worker.abi
    end
  end
  return list, abis
end

local SUMS = { "waiting", "running", "due", "held", "dead", "slots", "oldest", "done", "failed", "lost", "rate", "p50",
  "p99" }

local function summary_of(session, name)
  local pool = inspect.pool(session, name)
  local out = { name = name, paused = pool.paused }
  for _, field in ipairs(SUMS) do out[field] = pool[field] end
  return out, pool
end

local function whole_of(session, name)
  local out, pool = summary_of(session, name)
  local abis
  out.workers, abis = workers_of(pool)
  out.tasks = tasks_of(session, name, abis)
  out.letters, out.schedules = dead_of(session), schedules_of(session)
  return out
end

-- All about one pool; or { name, trouble }.
function Pools.pool(self, name)
  local found, why = with_session(self, name, whole_of, name)
  return found or { name = name, trouble = shown(why) }
end

-- A line for each pool.
function Pools.list(self)
  local list = json.list()
  for _, name in ipairs(self:names()) do
    local found, why = with_session(self, name, summary_of, name)
    list[#list + 1] = found or { name = name, trouble = shown(why) }
  end
  return { pools = list, server = self.settings.shown, trouble = self.trouble }
end

-- The names given, or those that the server has.
function Pools.names(self)
  if self.given[1] then return self.given end
  if time() < self.names_until then return self.found end
  self.names_until = time() + PAUSE
  local found, why = with_session(self, "dashboard", function(session) return session:pools() end)
  self.trouble = not found and shown(why) or nil
  self.found = found or self.found
  return self.found
end

function Pools.has(self, name)
  for _, one in ipairs(self:names()) do
    if one == name then return true end
  end
  return false
end

-- One task ------------------------------------------------------------------------------------------------------------

local function arguments_in_words(letter)
  if not letter.args then return shown(letter.why_no_args) end
  return shown(values.show_list(letter.args, 100), 2000)
end

local function attempts_in_words(letter)
  local list = json.list()
  for i, attempt in ipairs(letter.attempts) do
    list[i] = { at = attempt.at, who = shown(attempt.who), why = shown(attempt.why) }
  end
  return list
end

local function letter_of(session, name, id)
  local letter, why = letters.describe(session, name, id)
  if not letter then return nil, why end
  return { id = shown(id), task = letter.task and shown(letter.task), func = shown(letter.func),
    arguments = arguments_in_words(letter), attempts = attempts_in_words(letter), at = letter.at,
    traceback = shown_lines(letter.trace), log = shown_lines(letter.lines) }
end

-- A dead letter in full; or nil and why
function Pools.letter(self, name, id) return with_session(self, name, letter_of, name, id) end

local ACTIONS = {
  pause = function(_, session) return session:pause(true) end,
  resume = function(_, session) return session:pause(false) end,
  delete = function(_, session, _, id) return session:delete_letter(id) end,
  retry = function(self, session, name, id) return letters.retry(session, self.secrets, name, id) end,
  cancel = function(self, session, name, id) return posting.cancel_over(session, self.secrets, name, id) end,
}
local IS_SIGNED = { retry = true, cancel = true }

-- Does it: true; or nil and why not. id: of a dead letter; of a posted task to cancel.
function Pools.act(self, action, name, id)
  if not ACTIONS[action] then return nil, "there is no such action" end
  if IS_SIGNED[action] and not self.secrets then return nil, self.why_no_secrets end
  local done, why = with_session(self, name, function(session) return ACTIONS[action](self, session, name, id) end)
  if not done then return nil, shown(why or "it is not there any more") end
  return true
end

-- about: settings (of the server), names (a list; empty: all that the server has), secrets, or why_no_secrets
return function(about)
  return setmetatable({ settings = about.settings, given = about.names, secrets = about.secrets,
    why_no_secrets = about.why_no_secrets, sessions = {}, found = {}, names_until = 0 }, Pools)
end
