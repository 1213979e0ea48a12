-- SPDX-License-Identifier: MIT
-- `manymoons profile`: runs a script, samples the stacks of all its VMs, and writes where the time went.
--
-- The script runs in this VM, called in tail position: its tracebacks and its exit are those of `manymoons script`.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local files = require("page.files")
local checks = require("core.checks")
local scripts = require("core.script")
local attach = require("profile.attach")
local session = require("profile.session")
local text = require("profile.text")
local tree = require("profile.tree")
local usage = require("terminal.usage")

local USAGE = [[
usage: manymoons [options] profile [options] script [args]
       manymoons profile [options] PID
       manymoons profile --diff [options] BEFORE AFTER
Runs the script and samples the Lua stacks of all its VMs, threads and processes, in every world. Writes a page with a
flame graph, profile.html, unless other options say otherwise. With the PID of any process of a running program, that
program is sampled, which goes on. With --diff, two files of earlier profiles are compared: pages, speedscope or folded.
  -o FILE        write FILE: .html (a page), .json (speedscope), .folded (flamegraph.pl), .txt (a table); - is stdout
  --format NAME  html, speedscope, folded or text, whatever FILE is called
  --top N        print a table of the N functions that took the most time themselves (default of text: 20)
  --mode NAME    what is counted: cpu (time in which threads computed, or were ready to; default), wall (all time of all
                 threads), or lock (time in which the lock of a VM was held while another thread waited for it); a
                 page has all three
  --rate N       samples a second, from 1 to 1000 (default: 100)
  --seconds N    with a PID: for how long (default: 5); Ctrl-C ends it earlier
  --diff         write what changed from the profile in BEFORE to that in AFTER: a page in which red boxes take more
                 time and blue ones less (default: diff.html), a table (--top, .txt), or folded stacks with two numbers
  -h, --help     print this
]]

local function leave(code, words)
  if words then io.stderr:write("manymoons profile: ", words, "\n") end
  os.exit(code)
end

local function refuse(words) usage.refuse("profile", words) end

local function read_number(word, least, most, option)
  local number = checks.digits(word)
  if number and number >= least and number <= most then return number end
  refuse(("%s: a whole number from %d to %d expected, got '%s'"):format(option, least, most, word))
end

local READ = {
  ["-o"] = function(options, word) options.path = word end,
  ["--format"] = function(options, word)
    if not session.is_format(word) then
      refuse("--format: html, speedscope, folded or text expected, got '" .. word .. "'")
    end
    options.format = word
  end,
  ["--mode"] = function(options, word)
    if not tree.modes[word] then refuse("--mode: cpu, wall or lock expected, got '" .. word .. "'") end
    options.mode = word
  end,
  ["--rate"] = function(options, word) options.rate = read_number(word, 1, session.MOST_RATE, "--rate") end,
  ["--seconds"] = function(options, word) options.seconds = read_number(word, 1, 86400, "--seconds") end,
  ["--top"] = function(options, word) options.top = read_number(word, 1, 1000000, "--top") end,
}

local FLAGS = { ["--diff"] = function(options) options.is_difference = true end }

-- The option in a word, and its value where it stands in the same word.
local function split(word)
  if word:find("^%-o.") then return "-o", word:sub(3) end
  local name, value = word:match("^(%-%-%l+)=(.*)$")
  return name or word, value
end

-- The option `name` at place i, and its value where it stands in the same word. → the place of the next word.
local function read_option(options, words, i, name, value)
  if FLAGS[name] and not value then
    FLAGS[name](options)
    return i + 1
  end
  if not READ[name] then usage.refuse_word("profile", words[i], USAGE) end
  if not value then
    i = i + 1
    value = words[i] or refuse("'" .. name .. "' needs a value")
  end
  READ[name](options, value)
  return i + 1
end

-- → options, and the place of the script among the words.
local function read_options(words)
  local options, i = {}, 1
  while words[i] and words[i]:find("^%-.") do
    local name, value = split(words[i])
    if name == "--" then
      i = i + 1
      break
    elseif name == "-h" or name == "--help" then
      io.stdout:write(USAGE)
      leave(0)
    end
    i = read_option(options, words, i, name, value)
  end
  if not words[i] then
    refuse(options.is_difference and "which profiles? (manymoons profile --diff before.html after.html)"
      or "which script? (manymoons profile script.lua)")
  end
  return options, i
end

-- A table alone is wanted where --top is the only wish.
local function complete(options, script)
  local usual = options.is_difference and "diff.html" or "profile.html"
  if not options.path then options.path = (options.top or options.format == "text") and "-" or usual end
  local is_table = options.path == "-" and options.top and not options.format
  options.format = options.format or (is_table and "text" or session.format_of(options.path))
  options.prints_top = options.top and options.format ~= "text"
  options.top, options.mode = options.top or session.TOP, options.mode or "cpu"
  options.rate, options.command = options.rate or session.DEFAULT_RATE, script
  return options
end

local WHERE_TO_OPEN = { html = "open it in a browser", speedscope = "open it at https://www.speedscope.app",
  folded = "for flamegraph.pl, inferno and the like", text = "a table" }

local function say_end(options)
  return function(profile, why)
    io.stdout:flush()
    if not profile then
      io.stderr:write("manymoons profile: ", options.path, " is not complete: ", tostring(why), "\n")
      return
    end
    if options.prints_top then io.stdout:write(text.top(profile, options.mode, options.top)) end
    io.stdout:flush()
    if options.path == "-" then return end
    io.stderr:write("manymoons profile: ", text.summary(profile), "; wrote ", options.path, " (",
      WHERE_TO_OPEN[options.format], ")\n")
  end
end

-- A running program -------------------------------------------------------------------------------------------------

local DEFAULT_SECONDS, GRACE_SECONDS = 5, 10

-- Returns when the time is over, at Ctrl-C, or when the program has ended.
local function wait_for(seconds, pid)
  local until_time = mm.time() + seconds
  pcall(function()
    while mm.time() < until_time and native.process_memory(pid) do mm.sleep(math.min(0.1, until_time - mm.time())) end
  end)
end

local function profile_running(options, pid)
  local seconds, started = options.seconds or DEFAULT_SECONDS, mm.time()
  local generation, pids = attach(pid, options.rate, seconds + GRACE_SECONDS)
  if not generation then leave(1, "process " .. pid .. ": " .. pids) end
  wait_for(seconds, pid)
  local found, reason = native.profile_read(pid, generation)
  native.profile_detach(pid, generation)
  if not found then leave(1, "process " .. pid .. ": " .. reason) end
  local about = { seconds = mm.time() - started, rate = options.rate, command = options.command }
  local profile = tree.read(found, about)
  local ok, trouble = session.write_file(profile, options)
  options.on_end(ok and profile or nil, trouble)
  for _, line in ipairs(text.silent(found, pids)) do io.stderr:write("manymoons profile: ", line) end
  os.exit(ok and 0 or 1)
end

-- Two profiles -------------------------------------------------------------------------------------------------------

local function read_profile(path)
  local profile, why = require("profile.reading").read(path)
  return profile or leave(1, "cannot read " .. why)
end

local function say_difference(options, whole)
  if options.prints_top then io.stdout:write(text.top_changes(whole, options.mode, options.top)) end
  if options.path == "-" then return end
  io.stderr:write("manymoons profile: ", text.summary_of_changes(whole, options.mode), "; wrote ", options.path, " (",
    WHERE_TO_OPEN[options.format], ")\n")
end

local function write_difference(options, before, after)
  if options.rate or options.seconds then refuse("--rate and --seconds are not for --diff") end
  if not after then refuse("--diff compares two profiles, and there is only " .. before) end
  complete(options, after)
  if options.format == "speedscope" then refuse("speedscope shows no differences: html, folded or text") end
  local path = options.path
  if path == before or path == after then refuse("-o: " .. path .. " is one of the profiles") end
  local whole = require("profile.difference").of(read_profile(before), read_profile(after))
  whole.command = before .. " → " .. after
  local ok, why = session.write_file(whole, options)
  if not ok then leave(1, "cannot write " .. options.path .. ": " .. tostring(why)) end
  say_difference(options, whole)
  os.exit(0)
end

-- A number names a program, unless there is a script of that name.
local function pid_of(word)
  return not files.read(word) and checks.digits(word) or nil
end

local words = { ... }
local options, place = read_options(words)
local script = words[place]
if options.is_difference then
  if words[place + 2] then refuse("unexpected '" .. words[place + 2] .. "' behind two profiles") end
  write_difference(options, script, words[place + 1])
end
local running = pid_of(script)
if running then
  if words[place + 1] then refuse("unexpected '" .. words[place + 1] .. "' behind a PID") end
  complete(options, "process " .. script)
  options.on_end = say_end(options)
  profile_running(options, running)
end
if options.seconds then refuse("--seconds is for a PID") end
local chunk = scripts.load(script)
complete(options, script)
options.on_end = say_end(options)
scripts.set_arguments(words, place)
local started, reason = session.start(options)
if not started then leave(1, "cannot write " .. options.path .. ": " .. tostring(reason)) end
return chunk(checks.unpack(words, place + 1))
