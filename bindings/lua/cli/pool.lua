-- SPDX-License-Identifier: MIT
-- `manymoons pool URL NAME`: shows a pool on a broker: its tasks, its workers, its dead letters.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local json = require("core.json")
local inspect = require("broker.inspect")
local letters = require("broker.letters")
local broker = require("broker.settings")
local usage = require("terminal.usage")

-- What other programs wrote on the server.
local function shown(value) return native.printable(tostring(value)) end

local USAGE = [[
usage: manymoons pool URL NAME [--json | --prometheus | --dead | --retry ID] [options]
Shows the waiting and running tasks of a pool on a Redis or Valkey server, and its workers.
  --json         as JSON
  --prometheus   as text for Prometheus
  --dead         list the dead letters: tasks that were lost too often, and why
  --retry ID     run a dead letter again (all: every one of them), signed anew
  --secret-file FILE    the secret that signs what runs again; by default as in manymoons worker
  --password-file FILE  the server's password, where the URL has none; by default as in manymoons worker
]]

local function refuse(why) usage.refuse("pool", why) end

local function read_options(words)
  local options, i = {}, 1
  while i <= #words do
    local word = words[i]
    if word == "--help" or word == "-h" then
      io.stdout:write(USAGE)
      os.exit(0)
    elseif word == "--json" or word == "--prometheus" or word == "--dead" then
      options.how = word
    elseif word == "--retry" then
      i = i + 1
      options.how, options.id = word, words[i] or refuse("--retry needs an id")
    elseif word == "--secret-file" or word == "--password-file" then
      i = i + 1
      options[word] = words[i] or refuse(word .. " needs a value")
    elseif word:sub(1, 1) == "-" or options.name then
      usage.refuse_word("pool", word, USAGE)
    elseif options.url then
      options.name = word
    else
      options.url = word
    end
    i = i + 1
  end
  if not options.name then refuse("a URL and the name of a pool expected") end
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
  print(string.format("%s: %s, %d running, %d dead; %s with %s", pool.name, waiting, pool.running, pool.dead,
    count_of(#pool.workers, "worker"), count_of(pool.slots, "slot")))
  print(string.format("%-32s %6s %8s %8s %7s %7s %9s %9s %9s", "worker", "slots", "running", "done", "failed", "lost",
    "per s", "p50", "p99"))
  for _, w in ipairs(pool.workers) do
    print(string.format("%-32s %6d %8d %8d %7d %7d %9.1f %9s %9s", shown(w.name), w.slots, w.running, w.tasks,
      w.failed or 0, w.lost or 0, w.rate or 0, seconds_in_words(w.p50 or 0), seconds_in_words(w.p99 or 0)))
  end
end

local METRICS = {
  { "waiting", "gauge", "tasks that no worker has taken yet" }, { "running", "gauge", "tasks that a worker has" },
  { "dead", "gauge", "dead letters" }, { "slots", "gauge", "tasks that can run at once" },
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
  return reply
end

local function print_dead(session)
  for _, letter in ipairs(must(session:dead(1000))) do
    print(string.format("%s  %s  %s  %s", shown(letter.id), os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(letter.at)),
      shown(letter.func or "?"), shown(letter.why or "?")))
  end
end

local function retry(session, secrets, name, id)
  local ids = { id }
  if id == "all" then
    ids = {}
    for i, letter in ipairs(must(session:dead(100000))) do ids[i] = letter.id end
  end
  for _, one in ipairs(ids) do must(letters.retry(session, secrets, name, one)) end
  print(#ids == 1 and "1 task submitted again" or #ids .. " tasks submitted again")
end

-- → the server's settings, the pool's name, and the secrets, which only --retry needs
local function settle(options)
  local settings = broker.read_url(options.url, "manymoons pool", options["--password-file"])
  local name = broker.check_name(options.name, "manymoons pool")
  if options.how ~= "--retry" and not options["--secret-file"] then return settings, name end
  return settings, name, broker.secrets({ secret_file = options["--secret-file"] }, settings, "manymoons pool")
end

local function main(options, settings, name, secrets)
  local session = settings.backend.Inspector.new(settings, { name = name })
  local opened, why = session:open(5)
  if not opened then error(settings.shown .. ": " .. why, 0) end
  if options.how == "--dead" then return print_dead(session) end
  if options.how == "--retry" then return retry(session, secrets, name, options.id) end
  local pool = inspect.pool(session, name)
  if options.how == "--json" then
    json.list(pool.workers)
    print(native.printable(json.encode(pool), "json"))
  elseif options.how == "--prometheus" then
    print_prometheus(pool)
  else
    print_table(pool)
  end
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
