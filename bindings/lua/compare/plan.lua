-- SPDX-License-Identifier: MIT
-- The command line of manymoons compare, read into a plan.
--
--   runs, warmup       how many
--   timeout            seconds; nil: none
--   worlds, workers    two lists; each pair is a cell. workers is nil if the script chooses the number
--   command            the script and its arguments
--   files              the files to write, { html = path, … }; the path "-" is stdout
--
-- Options stand before the script, in any order.
local require = ...

local worlds = require("core.worlds")
local outcome = require("compare.outcome")

local USAGE = [[
usage: manymoons compare [options] script [args]
Runs the script in every world, shows which is fastest, and checks that all print the same.
  --runs N         measured runs in each world (default: 5)
  --warmup N       runs before those, which do not count (default: 1)
  --worlds A,B     only these worlds (default: ]] .. table.concat(worlds.names, ",") .. [[)
  --workers 1,2,4  run with each of these numbers of workers, which cpu_count() returns and Pool() uses by default
  --timeout S      stop a run after S seconds; it counts as failed (default: never)
  --html FILE      write a page with bars, the table and a timeline, for a browser
  --trace FILE     write only the timeline, in Chrome's trace format
  --json FILE      write all figures of all runs
  --csv FILE       write one line for each run
FILE may be -, which is stdout; the answer and the table then go to stderr.
Exit status: 0, or 1 if a run failed or the outputs differ.
]]

local FILE_KINDS = { "html", "trace", "json", "csv" }
local WORKERS_MOST = 1024

local plans = {}

local function refuse(...)
  outcome.fail("manymoons compare: " .. string.format(...) .. "\n(see manymoons compare --help)\n")
end

local function read_count(name, text, least)
  local count = tonumber(text)
  if not count or count % 1 ~= 0 or count < least then
    refuse("--%s: a whole number, %d or more, expected, got '%s'", name, least, text)
  end
  return math.floor(count)
end

-- The parts between the commas, each once; `read` checks a part and returns its value.
local function read_list(name, text, read)
  local seen, list = {}, {}
  for part in text:gmatch("[^,]+") do
    local value = read(part)
    if not seen[value] then list[#list + 1] = value end
    seen[value] = true
  end
  if #list == 0 then refuse("--%s: a list expected, got '%s'", name, text) end
  return list
end

local function read_world(name)
  if worlds.get(name) then return name end
  refuse("no world '%s' (there are: %s)", name, table.concat(worlds.names, ", "))
end

local function read_workers(text)
  local count = read_count("workers", text, 1)
  if count > WORKERS_MOST then refuse("--workers: %d at most, got %d", WORKERS_MOST, count) end
  return count
end

local function read_seconds(text)
  local seconds = tonumber(text)
  if not seconds or seconds <= 0 then refuse("--timeout: seconds expected, got '%s'", text) end
  return seconds
end

local options = {
  runs = function(plan, text) plan.runs = read_count("runs", text, 1) end,
  warmup = function(plan, text) plan.warmup = read_count("warmup", text, 0) end,
  worlds = function(plan, text) plan.worlds = read_list("worlds", text, read_world) end,
  workers = function(plan, text) plan.workers = read_list("workers", text, read_workers) end,
  timeout = function(plan, text) plan.timeout = read_seconds(text) end,
}
for _, kind in ipairs(FILE_KINDS) do
  options[kind] = function(plan, text) plan.files[kind] = text end
end

-- Takes an option at `index`, as --name value or --name=value; returns the index of the next word.
local function read_option(plan, words, index)
  local word = words[index]
  local name, value = word:match("^%-%-(%a+)=(.*)$")
  local next_index = index + 1
  if not name then
    name, value, next_index = word:match("^%-%-(%a+)$"), words[index + 1], index + 2
  end
  if not options[name or ""] then refuse("unknown option '%s'", word) end
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

-- Checks before the first run that the file can be written. Opens it to append, so that its content stays for now.
local function check_file(kind, path)
  if path == "-" then return end
  local before = io.open(path)
  local file, why = io.open(path, "a")
  if not file then refuse("--%s: cannot write %s", kind, why) end
  file:close()
  if before then before:close() else os.remove(path) end
end

local function check_files(files)
  local kind_of = {}
  for _, kind in ipairs(FILE_KINDS) do
    local path = files[kind]
    if path and kind_of[path] then refuse("--%s and --%s: both cannot be %s", kind_of[path], kind, path) end
    if path then
      check_file(kind, path)
      kind_of[path] = kind
    end
  end
end

-- The plan; nil after --help.
function plans.read(words)
  local plan = { runs = 5, warmup = 1, worlds = worlds.names, files = {}, command = {} }
  local index = 1
  while words[index] and words[index]:sub(1, 1) == "-" do
    local word = words[index]
    if word == "--help" or word == "-h" then return nil end
    if word == "--" then
      index = index + 1
      break
    end
    index = read_option(plan, words, index)
  end
  if not words[index] then refuse("no script given") end
  check_script(words[index])
  check_files(plan.files)
  for i = index, #words do plan.command[#plan.command + 1] = words[i] end
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
