-- SPDX-License-Identifier: MIT
-- `manymoons trace`: runs a script once, and writes a timeline of it: for Perfetto, or as a page.
--
-- The script runs in this VM, called in tail position: its tracebacks and its exit are those of `manymoons script`.
-- For a page it is profiled meanwhile, so that the page can name functions.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local files = require("page.files")
local usage = require("terminal.usage")
local recording = require("timeline.recording")
local checks = require("core.checks")
local scripts = require("core.script")
local session = require("profile.session")
local timelines = require("timeline.reading")

local SAMPLES = 200 -- a second, for the names of functions
local EVENTS_OF_PAGE = 500000 -- more would take a browser long

local USAGE = [[
usage: manymoons [options] trace [options] script [args]
Runs the script and writes a timeline of all its threads and processes, in every world: which thread held the lock of
its VM when, which waited for it, which was blocked in what call, tasks, and messages from put to get.
  -o FILE        write FILE in Chrome's trace format, for https://ui.perfetto.dev (default: trace.json, unless --html)
  --html FILE    write a page with the timeline for a browser; it also names the functions that ran, and shows when
                 threads stood ready without a processor
  -h, --help     print this
FILE may be -, which is stdout. If the script cannot be read no file is touched. The environment variable
MANYMOONS_TRACE_LIMIT limits the events that are recorded (default: 8 million; for a page 500,000).
]]

local function leave(code, words)
  if words then io.stderr:write("manymoons trace: ", words, "\n") end
  os.exit(code)
end

local function refuse(words) usage.refuse("trace", words) end

local READ = { ["-o"] = "path", ["--html"] = "page" }

-- The option in a word, and its value where it stands in the same word.
local function split(word)
  if word:find("^%-o.") then return "-o", word:sub(3) end
  local name, value = word:match("^(%-%-%l+)=(.+)$")
  return name or word, value
end

-- → options { path, page }, and the place of the script among the words.
local function read_options(words)
  local options, i = {}, 1
  while words[i] and words[i]:find("^%-.") and words[i] ~= "--" do
    local name, value = split(words[i])
    if name == "-h" or name == "--help" then
      io.stdout:write(USAGE)
      leave(0)
    end
    if not READ[name] then usage.refuse_word("trace", words[i], USAGE) end
    if not value then i = i + 1 end
    options[READ[name]] = value or words[i] or refuse("'" .. name .. "' needs argument (the name of a file)")
    i = i + 1
  end
  if words[i] == "--" then i = i + 1 end
  if not words[i] then refuse("'trace' needs argument: which script? (manymoons trace script.lua)") end
  if not options.page then options.path = options.path or "trace.json" end
  if options.page and options.page == options.path then refuse("-o and --html: both cannot be " .. options.page) end
  return options, i
end

local function read_limit(options)
  local word = native.environment("MANYMOONS_TRACE_LIMIT")
  if not word then return options.page and EVENTS_OF_PAGE or nil end
  local limit = word:find("^%d+$") and tonumber(word)
  if limit and limit >= recording.LEAST_LIMIT then return limit end
  leave(1, ("MANYMOONS_TRACE_LIMIT: a number of events, %d or more, expected, got '%s'"):format(recording.LEAST_LIMIT,
    word))
end

-- At the end of the program -------------------------------------------------------------------------------------------

local function complain(...)
  io.stderr:write("manymoons trace: ", ...)
  io.stderr:write("\n")
  native.note_failure() -- the exit status
end

local function say(path, what) io.stderr:write("manymoons trace: wrote ", path, " (", what, ")\n") end

local OPEN_TRACE = "open it at https://ui.perfetto.dev, which keeps it on this machine"

local function write(path, content, what)
  local ok, why = files.write(path, content)
  if not ok then return complain("cannot write ", path, ": ", tostring(why)) end
  if path ~= "-" then say(path, what) end
end

-- The recorder has written the file itself, or there is its text.
local function finish_trace(path)
  return function(text, why)
    io.stdout:flush()
    if text == true then return say(path, OPEN_TRACE) end
    if text then return write(path, text, OPEN_TRACE) end
    complain("the trace is not complete: ", tostring(why))
  end
end

local function finish_page(options, text, profile)
  local pages = require("timeline.page")
  local page, about = pages.render(text, profile, options.command)
  if not page then return complain("cannot write ", options.page, ": ", about) end
  write(options.page, page, about .. "; open it in a browser")
end

-- Recordings end before profiles: the page needs both.
local function begin_page(options, limit)
  local text, why
  local ok, problem = recording.begin(nil, limit, function(...) text, why = ... end)
  if not ok then return nil, problem end
  return session.start({ rate = SAMPLES, mode = "wall", keeps_stacks = true, command = options.command[1],
    on_end = function(profile)
      io.stdout:flush()
      if not text then return complain("the trace is not complete: ", tostring(why)) end
      if options.path then write(options.path, timelines.without_samples(text), OPEN_TRACE) end
      finish_page(options, text, profile)
    end })
end

local words = { ... }
local options, place = read_options(words)
local chunk = scripts.load(words[place])
local limit = read_limit(options)
for _, path in pairs({ options.page, options.path }) do
  local ok, why = files.prepare(path)
  if not ok then leave(1, "cannot write the trace: " .. why) end
end
options.command = { checks.unpack(words, place) }
scripts.set_arguments(words, place)
local started, reason
if options.page then
  started, reason = begin_page(options, limit)
else
  started, reason = recording.begin(options.path ~= "-" and options.path or nil, limit, finish_trace(options.path))
end
if not started then leave(1, "cannot record: " .. tostring(reason)) end
return chunk(checks.unpack(words, place + 1))
