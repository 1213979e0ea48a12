-- SPDX-License-Identifier: MIT
-- The command line of manymoons compare, read into a plan.
--
--   runs, warmup       how many; runs is nil: as many as the figures need
--   timeout            seconds; nil: none
--   worlds, workers, chunks, luas   lists; each combination is a cell. nil: the script chooses the number of workers
--                      and the sizes of chunks, the host program runs it. luas are hosts (compare/hosts.lua)
--   pin                true: each thread stays on one processor
--   processors         a list of numbers: the script uses only these; nil: all that compare itself may use
--   command            the script and its arguments
--   options            the words before `compare` that the program of each run gets: -e, -l, -E and -W
--   profile            true: the page has flame graphs; has_usual_name: and the user has not named it
--   files              the files to write, { html = path, … }; the path "-" is stdout
--
-- Options stand before the script, in any order.
local require, native = ...

local files = require("page.files")
local worlds = require("core.worlds")
local hosts = require("compare.hosts")
local outcome = require("compare.outcome")
local usage = require("terminal.usage")

local USAGE = [[
usage: manymoons compare [options] script [args]
Runs the script in every world, shows which is fastest, and checks that all print the same.
  --runs N|auto    measured runs in each world (default: auto: at least 5, and more until the interval of the best
                   ratio is narrower than 10 %, or a minute is over; after a minute 3 are enough)
  --warmup N       runs before those, which do not count (default: 1)
  --worlds A,B     only these worlds (default: ]] .. table.concat(worlds.names, ",") .. [[)
  --workers 1,2,4  run with each of these numbers of workers, which cpu_count() returns and Pool() uses by default
  --chunks 1,8,auto   run with each of these sizes of chunks, which map uses where the script gives no chunksize
  --lua 5.4,luajit    run it in each of these Luas, where the program is installed: 5.1, 5.3, 5.4, luajit
  --pin            each thread that the script starts stays on one processor; --pin=0,1: the script uses only these
  --timeout S      stop a run after S seconds; it counts as failed (default: never)
  --html FILE      write a page with bars, the table and a timeline, for a browser
  --profile        with --html: the page has a flame graph of each world as well; alone: --html compare.html
  --trace FILE     write only the timeline, in Chrome's trace format
  --json FILE      write all figures of all runs
  --csv FILE       write one line for each run
FILE may be -, which is stdout; the answer and the table then go to stderr.
Exit status: 0; 1 if a run failed or the outputs differ; 2 for wrong use. NO_COLOR is heeded.
]]

local FILE_KINDS = { "html", "trace", "json", "csv" }
local WORKERS_MOST = 1024

local plans = {}

local refuse = outcome.refuse

local function read_count(name, text, least)
  local count = tonumber(text)
  if not count or count % 1 ~= 0 or count < least or count == math.huge then
    refuse("--%s: a whole number, %d or more, expected, got '%s'", name, least, text)
  end
  return math.floor(count)
end

-- The parts between the commas, each once; `read` checks a part and returns its value, or nil to leave it out.
local function read_list(name, text, read)
  local seen, list = {}, {}
  for part in text:gmatch("[^,]+") do
    local value = read(part)
    if value and not seen[value] then list[#list + 1] = value end
    seen[value or part] = true
  end
  if not next(seen) then refuse("--%s: a list expected, got '%s'", name, text) end
  return list
end

local function read_world(name)
  if worlds.get(name) then return name end
  refuse("%s", worlds.refusal(name))
end

local function read_workers(text)
  local count = read_count("workers", text, 1)
  if count > WORKERS_MOST then refuse("--workers: %d at most, got %d", WORKERS_MOST, count) end
  return count
end

local function read_chunks(text) return text == "auto" and text or read_count("chunks", text, 1) end

local function read_lua(name)
  if hosts.has(name) then return name end
  refuse("--lua: no Lua '%s' (there are: %s)", name, table.concat(hosts.names, ", "))
end

local function read_processor(text) return read_count("pin", text, 0) end

local function read_seconds(text)
  local seconds = tonumber(text)
  if not seconds or seconds ~= seconds or seconds <= 0 then refuse("--timeout: seconds expected, got '%s'", text) end
  return seconds
end

local options = {
  runs = function(plan, text) plan.runs = text ~= "auto" and read_count("runs", text, 1) or nil end,
  warmup = function(plan, text) plan.warmup = read_count("warmup", text, 0) end,
  worlds = function(plan, text) plan.worlds = read_list("worlds", text, read_world) end,
  workers = function(plan, text) plan.workers = read_list("workers", text, read_workers) end,
  chunks = function(plan, text) plan.chunks = read_list("chunks", text, read_chunks) end,
  lua = function(plan, text) plan.lua_names = read_list("lua", text, read_lua) end,
  timeout = function(plan, text) plan.timeout = read_seconds(text) end,
}
for _, kind in ipairs(FILE_KINDS) do
  options[kind] = function(plan, text) plan.files[kind] = text end
end

local function read_profile(plan, value)
  if value then refuse("--profile takes no value") end
  plan.profile = true
end

local function read_pin(plan, list)
  plan.pin = true
  if list then plan.processors = read_list("pin", list, read_processor) end
end

-- Options whose value, if they have one, stands in the same word.
local flags = { pin = read_pin, profile = read_profile }

-- The name of the option that the word is; nil: of none.
local function option_of(word)
  local name = word:match("^%-%-(%a+)$") or word:match("^%-%-(%a+)=.*$")
  return (options[name or ""] or flags[name or ""] or name == "help") and name or nil
end

-- Takes an option at `index`, as --name value or --name=value; returns the index of the next word.
local function read_option(plan, words, index)
  local word = words[index]
  local name, value = option_of(word), word:match("^%-%-%a+=(.*)$")
  if flags[name or ""] then
    flags[name](plan, value)
    return index + 1
  end
  if not options[name or ""] then usage.refuse_word("compare", word, USAGE) end
  local next_index = index + 1
  if not value then
    value, next_index = words[index + 1], index + 2
  end
  if not value or value == "" then refuse("--%s needs a value", name) end
  options[name](plan, value)
  return next_index
end

local function check_script(path)
  local file, why = io.open(path)
  if not file then refuse("cannot open %s", why) end
  local ok, problem = file:read(0)
  file:close()
  if not ok and problem then refuse("cannot read %s: %s", path, problem) end
end

-- A script that this Lua cannot compile would fail in each world with the same message.
local function check_syntax(plan)
  for _, host in ipairs(plan.luas or {}) do
    if host.program then return end
  end
  local chunk, why = loadfile(plan.command[1])
  if not chunk then outcome.fail("%s", why) end
end

-- Words behind the script are its own, also those that look like options of this program.
local function note_options_behind(words, first)
  for i = first + 1, #words do
    local name = option_of(words[i])
    if name then
      outcome.warn("note: --%s stands behind the script and is passed to it; options of compare stand before it", name)
    end
  end
end

local function find_luas(plan)
  plan.luas = plan.lua_names and {}
  for _, name in ipairs(plan.lua_names or {}) do
    local host, why = hosts.find(name)
    if host then plan.luas[#plan.luas + 1] = host else outcome.warn("%s: left out", why) end
  end
  if plan.luas and not plan.luas[1] then outcome.fail("--lua: no program is left") end
end

local function set_processors(plan)
  if not plan.processors then return end
  local ok, why = native.allow_processors(plan.processors)
  if not ok then refuse("--pin=%s: %s", table.concat(plan.processors, ","), why) end
end

-- Checks before the first run that the files can be written.
local function check_files(wanted)
  local kind_of = {}
  for _, kind in ipairs(FILE_KINDS) do
    local path = wanted[kind]
    if path and kind_of[path] then refuse("--%s and --%s: both cannot be %s", kind_of[path], kind, path) end
    if path then
      local ok, why = files.check(path)
      if not ok then refuse("--%s: cannot write %s", kind, why) end
      kind_of[path] = kind
    end
  end
end

-- The words before `compare`, but for those that mean this program alone. A word that is no option is the value of the
-- option before it.
local function read_program_options(before)
  local kept, is_for_runs = {}, false
  for _, word in ipairs(before) do
    if word:sub(1, 1) == "-" then is_for_runs = word:find("^%-[elEW]") ~= nil end
    if is_for_runs then kept[#kept + 1] = word end
  end
  return kept
end

-- The plan; nil after --help. before: the words before `compare`
function plans.read(words, before)
  local plan = { warmup = 1, worlds = worlds.names, files = {}, command = {}, options = read_program_options(before) }
  local index, is_literal = 1, false
  while words[index] and words[index]:sub(1, 1) == "-" and not is_literal do
    local word = words[index]
    if word == "--help" or word == "-h" then return nil end
    is_literal = word == "--"
    index = is_literal and index + 1 or read_option(plan, words, index)
  end
  if not words[index] then refuse("no script given") end
  check_script(words[index])
  if plan.profile and not plan.files.html then
    plan.files.html, plan.has_usual_name = "compare.html", true
  end
  check_files(plan.files)
  for i = index, #words do plan.command[#plan.command + 1] = words[i] end
  if not is_literal then note_options_behind(words, index) end
  find_luas(plan)
  check_syntax(plan)
  set_processors(plan)
  return plan
end

function plans.usage() return USAGE end

-- Whether a file of the plan is written to stdout.
function plans.uses_stdout(plan)
  for _, path in pairs(plan.files) do
    if path == "-" then return true end
  end
  return false
end

return plans
