-- SPDX-License-Identifier: MIT
-- `manymoons map 'code'`: runs a piece of Lua for each line of the input, on all cores (map/session.lua).
local mm = require("manymoons")
local require, native = mm._require, mm._native

local checks = require("core.checks")
local waits = require("core.waits")
local worlds = require("core.worlds")
local halt = require("map.halt")
local joblog = require("map.joblog")
local program = require("map.program")
local session = require("map.session")
local source = require("map.source")
local usage = require("terminal.usage")

local USAGE = [[
usage: manymoons map [options] 'code' [files]
       manymoons map [options] --files 'code' [files]
Runs the code for each line of the files, or of standard input, on all cores, and prints what it returns, in the order
of the lines. The code is an expression, or statements with `return`. It sees x (the line, a string that arithmetic
takes as a number) and n (its number). A result of nil prints nothing; several values are separated by tabs. A line
whose code raises is named on stderr, and the others go on. Exit status: how many lines failed, at most 100; 2: wrong
use; 255: the run could not go on.
  --json           each line is JSON, and v its value; a result that is a table is printed as JSON
  --filter         print the lines for which the code gives true
  --reduce CODE    print one result: CODE puts two results, a and b, together; it has to be associative
  --init CODE      run CODE once in each worker, before its first line
  --files          run the code for each file, in place of each line: f is its name, and lines() iterates over its
                   lines. Without files on the command line their names are the lines of standard input
  --block SIZE     run the code for pieces of about SIZE bytes (with k, M or G: 1024 of the next smaller), cut at the
                   ends of lines: x is the piece, and lines() iterates over its lines
  --unordered      print results as they come
  -j N             how many workers, also as a share of the processors, as in 50% (default: one for each processor)
  --world NAME     where they live: serial, async, threads, interpreters or processes (default: interpreters)
  --broker URL     they are those of `manymoons worker URL`, on any machine
  --pool NAME      the name of that pool (default: map)
  --secret-file FILE    the secret that signs its tasks; by default as in manymoons worker
  --password-file FILE  the server's password, where the URL has none; by default as in manymoons worker
  --timeout SECONDS     stop a line that takes longer: it fails
  --retries N      run a line that failed, or whose worker died, up to N times more (default: 0)
  --chunksize N    so many lines in a slice (default: as many as take 10 ms; with --timeout: one). When a worker dies,
                   the lines of its slice run again
  --halt WHEN      end early: now,fail=1 (once a line fails, at once), soon,fail=10% (once every tenth fails, when those
                   that run have ended); in place of fail also success or done (default: never)
  --joblog FILE    write a line for each one that has ended, with its time and outcome, as GNU parallel does
  --resume         leave out the lines that the log has, and write the others behind them
  --resume-failed  the same, and run those again that failed
  --bar            show the progress on stderr
  --dry-run        print the lines that would run, with their numbers, and run nothing
  -h, --help       print this
]]

local function refuse(why)
  io.stderr:write("manymoons map: ", why, "\n")
  os.exit(2)
end

local function refuse_use(why) usage.refuse("map", why) end

-- Options -------------------------------------------------------------------------------------------------------------

local function text(word) return word end

local function whole(least)
  return function(word, name)
    local number = checks.digits(word)
    if number and number >= least then return number end
    refuse_use(("%s: a whole number, %d or more, expected, got '%s'"):format(name, least, word))
  end
end

local function seconds(word, name)
  local number = tonumber(word)
  if number and number > 0 and number < math.huge then return number end
  refuse_use(name .. ": a number of seconds above 0 expected, got '" .. word .. "'")
end

local function jobs(word, name)
  local share = tonumber(word:match("^(%d+)%%$"))
  if not share then return whole(1)(word, name) end
  if share > 0 then return math.max(1, math.floor(native.cpu_count() * share / 100)) end
  refuse_use(name .. ": a share above 0 expected, got '" .. word .. "'")
end

local UNITS = { [""] = 1, K = 1024, M = 1024 ^ 2, G = 1024 ^ 3 }

local function size(word, name)
  local number, unit = word:match("^(%d+%.?%d*)(%a?)$")
  local bytes = number and UNITS[unit:upper()] and math.floor(tonumber(number) * UNITS[unit:upper()]) or 0
  if bytes >= 1 and bytes <= 2 ^ 40 then return bytes end
  refuse_use(name .. ": a size expected, as in 64k, 1M or 2G, got '" .. word .. "'")
end

local function rule(word, name)
  local found, wanted = halt.read(word)
  return found or refuse_use(name .. ": " .. wanted .. " expected, got '" .. word .. "'")
end

local function world(word)
  if not worlds.get(word) then
    refuse_use("--world: " .. worlds.refusal(word))
  end
  mm.set_world(word)
  return word
end

local READERS = {
  ["--reduce"] = text, ["--init"] = text, ["--block"] = size, ["-j"] = jobs, ["--world"] = world, ["--broker"] = text,
  ["--pool"] = text, ["--secret-file"] = text, ["--password-file"] = text, ["--timeout"] = seconds,
  ["--retries"] = whole(0), ["--chunksize"] = whole(1), ["--halt"] = rule, ["--joblog"] = text,
}

local FLAGS = { "--json", "--filter", "--files", "--unordered", "--resume", "--resume-failed", "--bar", "--dry-run" }
for _, name in ipairs(FLAGS) do FLAGS[name] = true end

-- The option in a word, and its value where it stands in the same word.
local function split(word)
  if word:find("^%-j.") then return "-j", word:sub(3) end
  local name, value = word:match("^(%-%-[%l-]+)=(.*)$")
  return name or word, value
end

-- The option at place i → the place of the next word.
local function read_option(options, words, i)
  local name, value = split(words[i])
  if name == "--help" or name == "-h" then
    io.stdout:write(USAGE)
    os.exit(0)
  elseif FLAGS[name] and not value then
    options[name] = true
    return i + 1
  elseif not READERS[name] then
    usage.refuse_word("map", words[i], USAGE)
  end
  if not value then
    i = i + 1
    value = words[i] or refuse_use(name .. " needs a value")
  end
  options[name] = READERS[name](value, name)
  return i + 1
end

-- Options may stand behind the code as well; behind "--" nothing is one. → the options, and the other words.
local function read_words(words)
  local options, others, i = {}, {}, 1
  while i <= #words do
    if words[i] == "--" then
      for k = i + 1, #words do others[#others + 1] = words[k] end
      break
    elseif words[i]:find("^%-.") then
      i = read_option(options, words, i)
    else
      others[#others + 1] = words[i]
      i = i + 1
    end
  end
  return options, others
end

local EXCLUSIVE = {
  { "--files", "--block", "a piece is of the lines of files" },
  { "--reduce", "--joblog", "the result of lines that are done is in no log" },
  { "--reduce", "--dry-run", "nothing runs that could be put together" },
}

local function check_together(options)
  for _, pair in ipairs(EXCLUSIVE) do
    if options[pair[1]] and options[pair[2]] then refuse_use(pair[1] .. " and " .. pair[2] .. ": " .. pair[3]) end
  end
  local is_resumed = options["--resume"] or options["--resume-failed"]
  if is_resumed and not options["--joblog"] then refuse_use("--resume: only with --joblog FILE") end
  if options["--broker"] and options["-j"] then refuse_use("-j: is for `manymoons worker` to say (--slots)") end
  for _, name in ipairs({ "--pool", "--secret-file", "--password-file" }) do
    if options[name] and not options["--broker"] then refuse_use(name .. ": only with --broker URL") end
  end
end

local function read_plan(options, code)
  local items = options["--files"] and "files" or options["--block"] and "pieces" or "lines"
  local plan = { code = code, init = options["--init"], reduce = options["--reduce"], is_json = options["--json"],
    is_filter = options["--filter"], items = items }
  local why = program.fault(plan)
  if why then refuse(why) end
  return plan
end

-- What the lines are read from; and how many they are, where that is known.
local function open_source(options, files)
  if #files == 0 and native.is_terminal(0) then
    refuse_use("no input: standard input is a terminal, and no files are named")
  end
  if not options["--files"] or #files == 0 then return source.of_files(files) end
  for _, name in ipairs(files) do
    if name:find("\n", 1, true) then refuse("a newline in the name of a file: '" .. native.printable(name) .. "'") end
  end
  return source.of_list(files), #files
end

local PAUSE_PERCENT = 800

-- 5.4, 5.5 and the others each have a way of their own.
local function set_pause(percent)
  if not pcall(collectgarbage, "incremental", percent, 100) then collectgarbage("setpause", percent) end
  pcall(collectgarbage, "param", "pause", percent)
end

local function open_pool(options)
  if options["--broker"] then
    return mm.Pool({ broker = options["--broker"], name = options["--pool"] or "map",
      secret_file = options["--secret-file"], password_file = options["--password-file"] })
  end
  if not worlds.is_chosen() then mm.set_world(worlds.of_own_vms(false)) end
  -- Texts are all that this VM collects: it need not look at everything for each few of them.
  if worlds.has(worlds.default(), "has_own_vm") then set_pause(PAUSE_PERCENT) end
  return mm.Pool({ workers = options["-j"], name = "map" })
end

-- The run -------------------------------------------------------------------------------------------------------------

local function start(options, plan, files)
  local input, total = open_source(options, files)
  local log_path, is_resumed = options["--joblog"], options["--resume"] or options["--resume-failed"]
  local is_dry = options["--dry-run"]
  local chunksize = options["--chunksize"] or options["--timeout"] and 1 or nil
  return session.new({
    plan = is_dry and { code = "n, x", items = plan.items } or plan, source = input, total = total, run = mm._map_slice,
    pool = is_dry and mm.serial.Pool() or open_pool(options), halt = options["--halt"] or halt.read("never"),
    chunksize = chunksize, timeout = not is_dry and options["--timeout"] or nil, retries = options["--retries"] or 0,
    is_unordered = options["--unordered"], block = options["--block"], has_bar = options["--bar"],
    done = is_resumed and joblog.read(log_path, options["--resume-failed"]) or nil,
    log = log_path and not is_dry and joblog.open(log_path, is_resumed) or nil,
  })
end

local FAILED_MOST, BROKEN = 100, 255

local function main(words)
  local options, others = read_words(words)
  check_together(options)
  if not others[1] then refuse_use("code expected, as in manymoons map 'x * 2'") end
  local plan = read_plan(options, table.remove(others, 1))
  local ok, failed, why = pcall(function() return start(options, plan, others):go() end)
  if ok and failed then return math.min(failed, FAILED_MOST) end
  why = ok and why or failed
  if not ok and waits.is_ending() then error(why, 0) end
  io.stderr:write("manymoons map: ", (tostring(why):gsub("^manymoons map: ", "")), "\n")
  return BROKEN
end

os.exit(main({ ... }))
