-- SPDX-License-Identifier: MIT
-- The programs of tests/bench/verdicts, what is true of them, and the count of what compare says against it.
--
-- A headline is false if it calls a world fastest that is not, or says of a program what is not so: that it is short,
-- or used no workers. A machine that is too busy, a tie and too few runs are no claims. Advice is false if the program
-- does not do what it says. "cpu" and its like assume two free processors or more; with one they are left out.
local mm = require("manymoons")
local json = mm._require("core.json")
local native = mm._native

local USAGE = [[
usage: tests/bench/verdicts [--repetitions N] [--runs N] [--loads 0,2,6] [--only NAME,…] [--smoke]
  --repetitions N  comparisons of each program beside each load (default: 5, which are more than a hundred)
  --runs N         what compare gets (default: 5)
  --smoke          one short comparison: it must run
]]

local OWN_VM = { interpreters = true, processes = true }
local SLEEPERS = { async = true, threads = true, interpreters = true, processes = true }
local ONE_AT_A_TIME = { serial = true, async = true, threads = true }
local NONE = {}

-- What no advice about such a program may say.
local NOT_WAITING = { "this script waits", "slept for", "does not seem to use workers", "copying dominates",
  "did not run at the same time" }
local NOT_COMPUTING = { "CPU%-bound", "does not seem to use workers", "copying dominates", "overhead of the workers" }
local NOTHING = { "." }

local COMPUTE = [[
local function compute(rounds)
  local sum = 0
  for i = 1, rounds do sum = (sum * 31 + i) % 1000003 end
  return sum
end
]]

local function with_pool(workers, body)
  return 'local mm = require("manymoons")\n' .. COMPUTE .. "local pool = mm.Pool(" .. workers .. ")\n" .. body
    .. "\npool:close()\npool:join()\n"
end

-- name, script, winners: the worlds that may be called fastest, false_advice: patterns, kinds: the verdicts that would
-- be wrong. needs_processors: the truth is one of a machine with two.
local PROGRAMS = {
  { name = "cpu", winners = OWN_VM, false_advice = NOT_WAITING, kinds = { "short", "idle" }, needs_processors = 2,
    script = with_pool(2, "print(#pool:map(compute, { 3e6, 3e6, 3e6, 3e6 }, { chunksize = 1 }))") },
  { name = "sleeping", winners = SLEEPERS, false_advice = NOT_COMPUTING, kinds = { "short", "idle" },
    script = with_pool(8, [[
local naps = {}
for i = 1, 8 do naps[i] = 0.04 end
print(#pool:map(mm.sleep, naps, { chunksize = 1 }))]]) },
  { name = "sockets", winners = SLEEPERS, false_advice = NOT_COMPUTING, kinds = { "short", "idle" },
    script = with_pool(8, [[
local function ask(address)
  local connection = assert(mm.Client(address))
  connection:send("a question")
  local answer = connection:recv()
  connection:close()
  return answer
end
local addresses = {}
for i = 1, 8 do addresses[i] = arg[1] end
print(table.concat(pool:map(ask, addresses, { chunksize = 1 }), " "))]]) },
  { name = "lock", winners = ONE_AT_A_TIME, false_advice = { "this script waits", "does not seem", "copying" },
    kinds = { "short", "idle" }, script = with_pool(2, [[
local lock = mm.Lock()
local function work(rounds)
  lock:acquire()
  local sum = compute(rounds)
  lock:release()
  return sum
end
print(#pool:map(work, { 3e6, 3e6, 3e6, 3e6 }, { chunksize = 1 }))]]) },
  { name = "memory", winners = OWN_VM, false_advice = NOT_WAITING, kinds = { "short", "idle" }, needs_processors = 2,
    script = with_pool(2, [[
local function walk(size)
  local list, sum = {}, 0
  for i = 1, size do list[i] = i end
  for step = 1, 7 do
    for i = step, size, 7 do sum = sum + list[i] end
  end
  return sum
end
print(#pool:map(walk, { 6e5, 6e5, 6e5, 6e5, 6e5, 6e5 }, { chunksize = 1 }))]]) },
  { name = "unequal", winners = OWN_VM, false_advice = NOT_WAITING, kinds = { "short", "idle" }, needs_processors = 2,
    script = with_pool(2, "print(#pool:map(compute, { 6e6, 1e6, 1e6, 1e6, 1e6, 1e6, 1e6 }, { chunksize = 1 }))") },
  { name = "tiny", winners = NONE, false_advice = NOTHING, kinds = { "idle" },
    script = with_pool(2, "print(#pool:map(compute, { 10, 10, 10 }))") },
  { name = "alone", winners = NONE, false_advice = NOTHING, kinds = { "short" },
    script = COMPUTE .. "print(compute(8e6))" },
}

-- The command line ---------------------------------------------------------------------------------------------------

local function refuse(why)
  io.stderr:write("verdicts: ", why, "\n", USAGE)
  os.exit(2)
end

local function numbers_of(text)
  local list = {}
  for part in text:gmatch("[^,]+") do list[#list + 1] = tonumber(part) or refuse("a number expected, got " .. part) end
  return list
end

local function names_of(text)
  local set = {}
  for part in text:gmatch("[^,]+") do set[part] = true end
  return set
end

local READ = {
  ["--repetitions"] = function(plan, text) plan.repetitions = numbers_of(text)[1] end,
  ["--runs"] = function(plan, text) plan.runs = numbers_of(text)[1] end,
  ["--loads"] = function(plan, text) plan.loads = numbers_of(text) end,
  ["--only"] = function(plan, text) plan.only = names_of(text) end,
}

local function read_plan(words)
  local plan, i = { repetitions = 5, runs = 5, loads = { 0, 2, 6 } }, 1
  while words[i] do
    if words[i] == "--help" then
      io.write(USAGE)
      os.exit(0)
    elseif words[i] == "--smoke" then
      plan = { repetitions = 1, runs = 3, loads = { 0 }, only = { tiny = true } }
      i = i + 1
    else
      local read = READ[words[i]] or refuse("unknown option " .. words[i])
      read(plan, words[i + 1] or refuse(words[i] .. " needs a value"))
      i = i + 2
    end
  end
  return plan
end

-- Running ------------------------------------------------------------------------------------------------------------

local function spin()
  while true do end
end

local function start_load(count)
  local list = {}
  for i = 1, count do
    list[i] = mm.processes.Process({ target = spin, daemon = true, name = "load" })
    list[i]:start()
  end
  return list
end

local function end_load(list)
  for _, process in ipairs(list) do
    process:kill()
    process:join()
  end
end

-- Answers each question after a while, so that eight at once take as long as one.
local function serve(address)
  local listener = assert(mm.Listener(address))
  mm.async.run(function()
    while true do
      local connection = listener:accept()
      mm.async.spawn(function()
        connection:recv()
        mm.sleep(0.04)
        connection:send("an answer")
        connection:close()
      end)
    end
  end)
end

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- The report of one comparison; nil and what it said instead.
local function compare(plan, folder, program, address)
  local script, out, said = folder .. "/program.lua", folder .. "/report.json", folder .. "/said"
  write_file(script, program.script)
  local command = string.format("env -u MANYMOONS_WORLD '%s' compare --runs %d --json '%s' '%s' '%s' >'%s' 2>&1",
    native.program_file(), plan.runs, out, script, address, said)
  local ok = os.execute(command)
  if ok == true or ok == 0 then
    local file = assert(io.open(out))
    local report = json.decode(file:read("*a"))
    file:close()
    return report
  end
  local file = io.open(said)
  local text = file and file:read("*a") or ""
  if file then file:close() end
  return nil, text
end

local function is_false_headline(program, report)
  local verdict = report.verdict
  for _, kind in ipairs(program.kinds) do
    if verdict.kind == kind then return true end
  end
  return verdict.kind == "fastest" and not program.winners[verdict.fastest]
end

local function false_advice(program, report)
  for _, line in ipairs(report.advice) do
    for _, pattern in ipairs(program.false_advice) do
      if line:find(pattern) then return line end
    end
  end
end

-- Counting -----------------------------------------------------------------------------------------------------------

local function judge(counts, program, load, report, why)
  counts.comparisons = counts.comparisons + 1
  if not report then
    counts.failures = counts.failures + 1
    io.write("  FAILED: ", program.name, " beside ", load, ": ", why, "\n")
    return "failed"
  end
  if is_false_headline(program, report) then
    counts.headlines = counts.headlines + 1
    io.write("  FALSE HEADLINE: ", program.name, " beside ", load, ": ", report.answer, "\n")
  end
  local advice = false_advice(program, report)
  if advice then
    counts.advice = counts.advice + 1
    io.write("  FALSE ADVICE: ", program.name, " beside ", load, ": ", advice, "\n")
  end
  return report.verdict.kind
end

local function run_program(plan, folder, program, load, address, counts)
  local kinds = {}
  for _ = 1, plan.repetitions do
    local kind = judge(counts, program, load, compare(plan, folder, program, address))
    kinds[kind] = (kinds[kind] or 0) + 1
  end
  local words = {}
  for kind, count in pairs(kinds) do words[#words + 1] = count .. " " .. kind end
  table.sort(words)
  io.write(string.format("%-9s beside %d: %s\n", program.name, load, table.concat(words, ", ")))
  io.flush()
end

local function is_wanted(plan, program)
  return (not plan.only or plan.only[program.name]) and (program.needs_processors or 1) <= #native.processors()
end

local function main()
  local plan = read_plan(arg)
  local pipe = assert(io.popen("mktemp -d"))
  local folder = pipe:read("*l")
  pipe:close()
  local address = folder .. "/socket"
  local server = mm.processes.Process({ target = serve, args = { address }, daemon = true, name = "server" })
  server:start()
  local counts = { comparisons = 0, headlines = 0, advice = 0, failures = 0 }
  for _, load in ipairs(plan.loads) do
    local list = start_load(load)
    for _, program in ipairs(PROGRAMS) do
      if is_wanted(plan, program) then run_program(plan, folder, program, load, address, counts) end
    end
    end_load(list)
  end
  end_load({ server })
  os.execute("rm -rf '" .. folder .. "'")
  io.write(string.format("%d comparisons: %d false headlines, %d with false advice, %d failed\n", counts.comparisons,
    counts.headlines, counts.advice, counts.failures))
  os.exit(counts.headlines + counts.advice + counts.failures == 0 and 0 or 1)
end

main()
