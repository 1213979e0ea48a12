-- SPDX-License-Identifier: MIT
-- `manymoons worker URL --pool NAME`: runs the tasks of a pool on a broker (broker/worker.lua).
local mm = require("manymoons")
local require, native = mm._require, mm._native

local worlds = require("core.worlds")
local broker = require("broker.settings")
local worker = require("broker.worker")
local usage = require("terminal.usage")

local USAGE = [[
usage: manymoons worker URL --pool NAME[=WEIGHT],… [options]
Fetches tasks of a pool, or of several, from a Redis or Valkey server and runs them until SIGTERM or Ctrl-C. It then
finishes the running tasks, requeues the rest and exits; on a second signal it exits at once.
URL: redis://[user:password@]host[:port][/database], rediss://… (TLS; ?ca=FILE&cert=FILE&key=FILE), unix:///path
  --pool NAME,…        the pool. Of several each gets its share of the slots while all of them have tasks: a=3,b=1 runs
                       three of a for each of b. The option may be repeated
  --strict             run tasks of a pool only when those named before it have none
  --slots N            how many tasks run at once (default: one for each processor). 2..16: two at first, up to sixteen
                       while all of them are busy, and fewer again when they are not
  --memory SIZE        end an interpreter or process that takes more, and fail its task: 512M, 2G
  --processes          run tasks in processes, so that a crash ends one task and not the worker (default: interpreters)
  --sandbox            run tasks in processes that can open no file, start no program and use no network, but for
                       what these name (see docs/explanation/trust.md):
  --read PATH,…        files and folders that tasks can read; modules of --import that they load themselves included
  --write PATH,…       files and folders that tasks can write
  --network            tasks can use TCP and UDP
  --import M,…         load these modules first, and let tasks name only functions of these
  --json               run tasks of programs in other languages too, which are JSON and not signed: functions of
                       --import alone, with data alone. A worker without a secret runs them anyway
  --secret-file FILE   the secrets that sign tasks, one on each line; the first one signs. Default: the environment
                       (MANYMOONS_SECRET, MANYMOONS_SECRET_FILE), or, for a server on this machine, the user's own
                       secret. Without a secret only functions of imported modules run
  --password-file FILE the server's password, where the URL has none. Default: the environment
                       (MANYMOONS_BROKER_PASSWORD, MANYMOONS_BROKER_PASSWORD_FILE). Others can see what a command line
                       says
  --lease SECONDS      how long this worker may be gone before others take over its tasks (default: 15)
  --grace SECONDS      how long running tasks may take after SIGTERM (default: 10)
  --max-tasks N        replace an interpreter or process after N calls
  --task-timeout SECONDS   stop a call that takes longer, unless its pool sets another limit
  --metrics ADDRESS    answer on host:port: /metrics (OpenMetrics), /healthz (its loop goes round) and /readyz (it
                       reaches the server and takes tasks). All that reach the address can read them
  --name NAME          the worker's name (default: host:pid:random)
]]

local function refuse(why) usage.refuse("worker", why) end

local function number(least, is_whole)
  return function(text, word)
    local value = tonumber(text)
    if not value or value < least or value == math.huge or (is_whole and value % 1 ~= 0) then
      refuse(string.format("%s: a %snumber, %g or more, expected, got '%s'", word, is_whole and "whole " or "", least,
        text))
    end
    return value
  end
end

local function text(value) return value end

local function list_of(what)
  return function(value, word)
    local list = {}
    for name in value:gmatch("[^,]+") do list[#list + 1] = name end
    if #list == 0 then refuse(word .. ": " .. what .. " expected") end
    return list
  end
end

-- "a=3,b" → { { name, weight }, … }; the option may come again
local function add_pools(value, word, options)
  local list = options.pool or {}
  for part in value:gmatch("[^,]+") do
    local name, weight = part:match("^([^=]*)=(.*)$")
    list[#list + 1] = { name = name or part, weight = weight and number(0.001)(weight, word .. " " .. name) or 1 }
    for i = 1, #list - 1 do
      if list[i].name == list[#list].name then refuse(word .. ": '" .. list[i].name .. "' stands there twice") end
    end
  end
  if #list == 0 then refuse(word .. ": names of pools expected") end
  return list
end

-- "4" or "2..16" → { least, most }
local function slots_of(value, word)
  local least, most = value:match("^(%d+)%.%.(%d+)$")
  local whole = number(1, true)
  if not least then
    local count = whole(value, word)
    return { least = count, most = count }
  end
  least, most = whole(least, word), whole(most, word)
  if least > most then refuse(word .. ": the smaller number first: " .. most .. ".." .. least) end
  return { least = least, most = most }
end

local SIZES = { [""] = 1, K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40 }

local function size_of(value, word)
  local digits, unit = value:match("^([%d.]+)([KMGT]?)$")
  local size = tonumber(digits or "")
  if not size or size <= 0 then refuse(word .. ": a size such as 512M expected, got '" .. value .. "'") end
  return math.floor(size * SIZES[unit])
end

local FLAGS = {
  ["--strict"] = true, ["--processes"] = true, ["--sandbox"] = true, ["--network"] = true, ["--json"] = true,
}

local READERS = {
  ["--pool"] = add_pools, ["--slots"] = slots_of, ["--memory"] = size_of, ["--metrics"] = text,
  ["--import"] = list_of("names of modules"),
  ["--secret-file"] = text, ["--password-file"] = text, ["--read"] = list_of("paths"), ["--write"] = list_of("paths"),
  ["--lease"] = number(0.3), ["--grace"] = number(0), ["--max-tasks"] = number(1, true),
  ["--task-timeout"] = number(0.001), ["--name"] = text,
}

local function read_options(words)
  local options, i = {}, 1
  while i <= #words do
    local word = words[i]
    local name, value = word:match("^(%-%-[%w-]+)=(.*)$")
    name = name or word
    if name == "--help" or name == "-h" then
      io.stdout:write(USAGE)
      os.exit(0)
    elseif FLAGS[word] then
      options[word:sub(3)] = true
    elseif READERS[name] then
      if not value then
        i = i + 1
        value = words[i] or refuse(name .. " needs a value")
      end
      options[name:sub(3)] = READERS[name](value, name, options)
    elseif word:sub(1, 1) == "-" or options.url then
      usage.refuse_word("worker", word, USAGE)
    else
      options.url = word
    end
    i = i + 1
  end
  if not options.url then refuse("a URL expected") end
  if not options.pool then refuse("--pool NAME expected") end
  if options.strict and #options.pool == 1 then refuse("--strict: only with several pools") end
  for _, name in ipairs({ "read", "write", "network" }) do
    if options[name] and not options.sandbox then refuse("--" .. name .. ": only with --sandbox") end
  end
  if options.json and not options.import then refuse("--json: only with --import") end
  return options
end

local function settle(options)
  local settings
  for _, pool in ipairs(options.pool) do -- each its own, because a cluster may have them in different places
    broker.check_name(pool.name, "manymoons worker")
    settings = broker.read_url(options.url, "manymoons worker", options["password-file"])
    pool.settings = settings
  end
  local secrets = broker.secrets({ secret_file = options["secret-file"] }, settings, "manymoons worker")
  if not secrets[1] and not options.import then
    error("without a secret only functions of named modules can be trusted: --secret-file or --import expected", 0)
  end
  local rules = options.sandbox and { read = options.read, write = options.write, network = options.network } or nil
  return {
    pools = options.pool, is_strict = options.strict, secrets = secrets,
    slots = options.slots or { least = native.cpu_count(), most = native.cpu_count() }, memory = options.memory,
    metrics = options.metrics, imports = options.import,
    takes_json = options.json, lease = options.lease or 15,
    grace = options.grace or 10, max_tasks = options["max-tasks"], task_timeout = options["task-timeout"],
    world = worlds.of_own_vms(options.processes or options.sandbox or false), name = options.name, sandbox = rules,
  }
end

local function bare(message)
  return (tostring(message):gsub("^manymoons worker: ", ""):gsub("^secret_file", "--secret-file"))
end

local is_right, settled = pcall(settle, read_options({ ... }))
if not is_right then refuse(bare(settled)) end
local ok, why = xpcall(worker.run, tostring, settled)
if not ok then
  io.stderr:write("manymoons worker: ", bare(why), "\n")
  os.exit(1)
end
