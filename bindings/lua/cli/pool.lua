-- SPDX-License-Identifier: MIT
-- `manymoons pool URL NAME`: shows a pool on a broker: its tasks, its workers, its dead letters; and what operators do.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local checks = require("core.checks")
local json = require("core.json")
local codec = require("broker.codec")
local inspect = require("broker.inspect")
local letters = require("broker.letters")
local posting = require("broker.posting")
local broker = require("broker.settings")
local upkeep = require("broker.upkeep")
local values = require("prompt.values")
local usage = require("terminal.usage")

-- What other programs wrote on the server.
local function shown(value) return native.printable(tostring(value)) end

local USAGE = [[
usage: manymoons pool URL NAME [--json | --prometheus | --dead | --schedules] [options]
       manymoons pool URL NAME [--show ID | --retry ID | --edit ID | --delete ID] [options]
       manymoons pool URL NAME [--task ID | --cancel ID] [options]
       manymoons pool URL NAME [--pause | --resume | --purge] [options]
Shows the waiting and running tasks of a pool on a Redis or Valkey server, and its workers; or its dead letters: tasks
that were given up; or changes something. The dashes may be left out: pause, show ID.
  --json         as JSON; also of --dead, --show, --task and --schedules
  --prometheus   as text for Prometheus
  --dead         list the dead letters: what failed, how often, and why
  --show ID      show a dead letter: its function, arguments, attempts and traceback
  --retry ID     run a dead letter again (all: every one of them), signed anew
  --edit ID      give a dead letter the arguments of --args, signed anew (all: every one of them); --retry runs it
  --args VALUES  with --edit: Lua values with commas between them: '"photo.jpg", { 200, 300 }'
  --delete ID    delete a dead letter (all: every one of them)
  --match TEXT   with --dead, and with all: those whose function or reason contains the text
  --task ID      show how a posted task stands: its progress and its log
  --schedules    list the schedules, and when each runs next
  --cancel ID    cancel a task that was posted, by the id of the task; with all and --match TEXT those whose function
                 contains the text: they wait, come later or run
  --pause        have the workers fetch no more tasks; those that run go on, and new ones wait
  --resume       have them fetch tasks again
  --purge        cancel all tasks that wait or are due later
  --secret-file FILE    the secret that signs what runs again; by default as in manymoons worker
  --password-file FILE  the server's password, where the URL has none; by default as in manymoons worker
]]

local function refuse(why) usage.refuse("pool", why) end

-- What may be done → whether it takes an id
local ACTIONS = {
  prometheus = false, dead = false, schedules = false, pause = false, resume = false, purge = false, show = true,
  task = true, retry = true, edit = true, delete = true, cancel = true,
}
local VALUES = { ["--secret-file"] = true, ["--password-file"] = true, ["--match"] = true, ["--args"] = true }

-- The words that were read.
local function read_action(options, action, value)
  if options.action then refuse("--" .. options.action .. " and --" .. action .. " exclude each other") end
  options.action = action
  if not ACTIONS[action] then return 1 end
  options.id = value or refuse("--" .. action .. " needs an id")
  return 2
end

local function read_word(options, words, i)
  local word = words[i]
  local action = word:match("^%-%-(%l+)$") or (options.name and word)
  if word == "--help" or word == "-h" then
    io.stdout:write(USAGE)
    os.exit(0)
  elseif word == "--json" then
    options.is_json = true
  elseif VALUES[word] then
    options[word] = words[i + 1] or refuse(word .. " needs a value")
    return 2
  elseif ACTIONS[action] ~= nil then
    return read_action(options, action, words[i + 1])
  elseif word:sub(1, 1) == "-" or options.name then
    usage.refuse_word("pool", word, USAGE)
  elseif options.url then
    options.name = word
  else
    options.url = word
  end
  return 1
end

local function read_options(words)
  local options, i = {}, 1
  while i <= #words do i = i + read_word(options, words, i) end
  if not options.name then refuse("a URL and the name of a pool expected") end
  if options["--match"] and options.action ~= "dead" and options.id ~= "all" then
    refuse("--match: only with --dead, and with --retry, --edit, --delete and --cancel all")
  end
  if options.action == "cancel" and options.id == "all" and not options["--match"] then
    refuse("--cancel all: only with --match; --purge cancels all that wait")
  end
  if (options.action == "edit") ~= (options["--args"] ~= nil) then
    refuse(options["--args"] and "--args: only with --edit" or "--edit needs --args")
  end
  return options
end

local function seconds_in_words(seconds)
  if seconds < 0.001 then return string.format("%.0f us", seconds * 1e6) end
  if seconds < 1 then return string.format("%.0f ms", seconds * 1e3) end
  return string.format("%.1f s", seconds)
end

local function count_of(count, noun) return string.format("%d %s%s", count, noun, count == 1 and "" or "s") end

local function print_table(pool)
  local waiting = "nothing waiting"
  if pool.waiting > 0 then
    waiting = string.format("%d waiting (the oldest for %s)", pool.waiting, seconds_in_words(pool.oldest))
  end
  local held = pool.held > 0 and string.format(", %d waiting for a place", pool.held) or ""
  print(string.format("%s: %s, %d running, %d due later%s, %d dead%s; %s with %s", pool.name, waiting, pool.running,
    pool.due, held, pool.dead, pool.paused and ", paused" or "", count_of(#pool.workers, "worker"),
    count_of(pool.slots, "slot")))
  print(string.format("%-32s %6s %8s %8s %7s %7s %9s %9s %9s", "worker", "slots", "running", "done", "failed", "lost",
    "per s", "p50", "p99"))
  for _, w in ipairs(pool.workers) do
    print(string.format("%-32s %6d %8d %8d %7d %7d %9.1f %9s %9s", shown(w.name), w.slots, w.running, w.tasks,
      w.failed or 0, w.lost or 0, w.rate or 0, seconds_in_words(w.p50 or 0), seconds_in_words(w.p99 or 0)))
  end
end

local METRICS = {
  { "waiting", "gauge", "tasks that no worker has taken yet" }, { "running", "gauge", "tasks that a worker has" },
  { "due", "gauge", "tasks that are due later" },
  { "held", "gauge", "tasks that wait for one of few places" }, { "dead", "gauge", "dead letters" },
  { "slots", "gauge", "tasks that can run at once" },
  { "oldest", "gauge", "seconds for which the oldest waiting task has waited" },
  { "done", "counter", "tasks that the present workers have finished" },
  { "failed", "counter", "tasks that failed on the present workers" },
  { "lost", "counter", "tasks that were taken from the present workers" },
}

local function print_prometheus(pool)
  for _, metric in ipairs(METRICS) do
    local name = "manymoons_pool_" .. metric[1] .. (metric[2] == "counter" and "_total" or "")
    if metric[1] == "oldest" then name = "manymoons_pool_oldest_seconds" end
    print("# HELP " .. name .. " " .. metric[3])
    print("# TYPE " .. name .. " " .. metric[2])
    print(string.format('%s{pool="%s"} %.14g', name, pool.name, pool[metric[1]]))
  end
  print("# HELP manymoons_pool_workers worker daemons")
  print("# TYPE manymoons_pool_workers gauge")
  print(string.format('manymoons_pool_workers{pool="%s"} %d', pool.name, #pool.workers))
end

local function must(reply, why)
  if not reply then error(why, 0) end
  return reply, why
end

local function date(at) return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(at)) end

local function print_json(value) print(native.printable(json.encode(value), "json")) end

-- Dead letters --------------------------------------------------------------------------------------------------------

local ALL = 100000

local function dead_letters(session, options)
  local list = {}
  for _, letter in ipairs(must(session:dead(ALL))) do
    letter.func = codec.function_shown(letter)
    local text = letter.func .. "\n" .. (letter.why or "")
    if not options["--match"] or text:find(options["--match"], 1, true) then list[#list + 1] = letter end
  end
  return list
end

local function print_dead(session, options)
  local list = dead_letters(session, options)
  if options.is_json then return print_json(json.list(list)) end
  for _, letter in ipairs(list) do
    print(string.format("%s  %s  %s  %s", shown(letter.id), date(letter.at), shown(letter.func),
      shown(letter.why or "?")))
  end
end

local ARGUMENTS_MOST = 2000

local function arguments_in_words(letter)
  if not letter.args then return shown(letter.why_no_args) end
  local text = values.show_list(letter.args, 100)
  return #text > ARGUMENTS_MOST and text:sub(1, ARGUMENTS_MOST) .. "..." or text
end

local function print_letter(session, name, options)
  local letter = must(letters.describe(session, name, options.id))
  local arguments = arguments_in_words(letter)
  letter.arguments, letter.args, letter.why_no_args = arguments, nil, nil
  if options.is_json then return print_json(letter) end
  print("dead letter  " .. shown(letter.id))
  if letter.task then print("task         " .. shown(letter.task)) end
  print("function     " .. shown(letter.func))
  print("arguments    " .. arguments)
  for i, attempt in ipairs(letter.attempts) do
    print(string.format("attempt %-4d %s  %s  %s", i, date(attempt.at), shown(attempt.who), shown(attempt.why)))
  end
  for line in letter.trace:gmatch("[^\n]+") do print(shown((line:gsub("\t", "  ")))) end
  for line in letter.lines:gmatch("[^\n]+") do print("log          " .. shown(line)) end
end

local function print_task(session, name, options)
  local about = must(posting.status_over(session, name, options.id))
  if options.is_json then return print_json(about) end
  print("task         " .. shown(about.id))
  print("state        " .. about.state .. (about.worker and " in " .. shown(about.worker) or "")
    .. (about.at and " at " .. date(about.at) or ""))
  local progress = about.progress
  if progress then
    print("progress     " .. shown(progress.done) .. (progress.total and " of " .. shown(progress.total) or "")
      .. (progress.note and "  " .. shown(progress.note) or ""))
  end
  for _, line in ipairs(about.log) do print("log          " .. shown(line)) end
end

local function ids_of(session, options)
  if options.id ~= "all" then return { options.id } end
  local ids = {}
  for i, letter in ipairs(dead_letters(session, options)) do ids[i] = letter.id end
  return ids
end

local function retry(session, secrets, name, options)
  local ids = ids_of(session, options)
  for _, id in ipairs(ids) do
    local _, task = must(letters.retry(session, secrets, name, id))
    if task then print(id .. "  " .. task) end
  end
  print(#ids == 1 and "1 task submitted again" or #ids .. " tasks submitted again")
end

-- The values of an operator's own text.
local function arguments_of_text(text)
  local compile = rawget(_G, "loadstring") or load
  local f, why = compile("return " .. text, "=--args")
  if not f then refuse("--args: " .. why) end
  local values_of = checks.pack(pcall(f))
  if not values_of[1] then refuse("--args: " .. tostring(values_of[2])) end
  return checks.pack(checks.unpack(values_of, 2, values_of.n))
end

local function edit(session, secrets, name, options)
  local args, ids = arguments_of_text(options["--args"]), ids_of(session, options)
  for _, id in ipairs(ids) do print(id .. "  " .. must(letters.edit(session, secrets, name, id, args))) end
  print(count_of(#ids, "dead letter") .. " edited")
end

local function delete(session, options)
  local ids = ids_of(session, options)
  for _, id in ipairs(ids) do must(session:delete_letter(id)) end
  print(count_of(#ids, "dead letter") .. " deleted")
end

-- Schedules, and the rest ---------------------------------------------------------------------------------------------

local function print_schedules(session, options)
  local list = must(session:schedules())
  if options.is_json then return print_json(json.list(list)) end
  for _, s in ipairs(list) do
    print(string.format("%-24s %-20s %s  %s", shown(s.name), shown(s.cron), date(s.at), shown(s.label)))
  end
end

-- The Luas of the pool's workers, and "" for all.
local function abis_of(session)
  local found
  inspect.workers(session, function(workers) found = workers end)
  must(session:await(10, function() return found end))
  local abis = inspect.abis(found)
  table.insert(abis, 1, "")
  return abis
end

local function cancel_all(session, secrets, name, text)
  print(count_of(upkeep.cancel_all(session, secrets, name, abis_of(session), text), "task") .. " cancelled")
end

local function cancel(session, secrets, name, options)
  if options.id == "all" then return cancel_all(session, secrets, name, options["--match"]) end
  local what = must(posting.cancel_over(session, secrets, name, options.id))
  if what == "unknown" then error("there is no task " .. options.id .. ", or its outcome is not kept any more", 0) end
  print(what == "cancelled" and "cancelled" or "it has its outcome")
end

local function print_pool(session, name, options)
  local pool = inspect.pool(session, name)
  if options.is_json then
    json.list(pool.workers)
    print_json(pool)
  elseif options.action == "prometheus" then
    print_prometheus(pool)
  else
    print_table(pool)
  end
end

local DO = {
  dead = function(session, options) print_dead(session, options) end,
  task = function(session, options, name) print_task(session, name, options) end,
  show = function(session, options, name) print_letter(session, name, options) end,
  retry = function(session, options, name, secrets) retry(session, secrets, name, options) end,
  delete = function(session, options) delete(session, options) end,
  schedules = function(session, options) print_schedules(session, options) end,
  cancel = function(session, options, name, secrets) cancel(session, secrets, name, options) end,
  edit = function(session, options, name, secrets) edit(session, secrets, name, options) end,
  purge = function(session, _, name, secrets) cancel_all(session, secrets, name) end,
  pause = function(session) must(session:pause(true)) end,
  resume = function(session) must(session:pause(false)) end,
}
local NEEDS_SECRET = { retry = true, edit = true, cancel = true, purge = true }

-- → the server's settings, the pool's name, and the secrets, which only what signs needs
local function settle(options)
  local settings = broker.read_url(options.url, "manymoons pool", options["--password-file"])
  local name = broker.check_name(options.name, "manymoons pool")
  if not NEEDS_SECRET[options.action] and not options["--secret-file"] then return settings, name end
  return settings, name, broker.secrets({ secret_file = options["--secret-file"] }, settings, "manymoons pool")
end

local function main(options, settings, name, secrets)
  local session = settings.backend.Inspector.new(settings, { name = name })
  local opened, why = session:open(5)
  if not opened then error(settings.shown .. ": " .. why, 0) end
  if DO[options.action] then return DO[options.action](session, options, name, secrets) end
  print_pool(session, name, options)
end

local function bare(message)
  return (tostring(message):gsub("^manymoons pool: ", ""):gsub("^secret_file", "--secret-file"))
end

local options = read_options({ ... })
local is_right, settings, name, secrets = pcall(settle, options)
if not is_right then refuse(bare(settings)) end
local ok, why = pcall(main, options, settings, name, secrets)
if not ok then
  io.stderr:write("manymoons pool: ", bare(why), "\n")
  os.exit(1)
end
