#!/bin/sh
# SPDX-License-Identifier: MIT
# The files of manymoons compare: JSON and CSV have the figures of the table, "-" is stdout, a file
# that cannot be written is an error before anything runs, and differing results are in the files,
# too. A timeline has the processes of all worlds.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat out err
  exit 1
}

# compare STATUS arguments…
compare() {
  wanted=$1 status=0
  shift
  "$manymoons" compare --runs 2 --warmup 0 "$@" >out 2>err || status=$?
  [ "$status" = "$wanted" ] || fail "compare $*: exit status $status, not $wanted"
}

cat >sums.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(2)
print(arg[1], unpack and "" or "", #pool:map(function(x) return x end, { 1, 2, 3 }))
pool:close()
pool:join()
END

compare 0 --json report.json --csv report.csv --html=report.html --trace trace.json sums.lua 'a "b", <c>'
lua5.4 - <<'END' || fail "the files are not as they should be"
local cjson = require("cjson")
local function read(path) return assert(io.open(path)):read("a") end
local report, trace = cjson.decode(read("report.json")), cjson.decode(read("trace.json"))
assert(report.agree == true and report.runs == 2 and report.warmup == 0)
assert(report.command[1] == "sums.lua" and report.command[2] == 'a "b", <c>')
assert(report.machine.processors >= 1 and report.date:match("^%d+%-%d+%-%d+T"))
local table_text, lines = read("out"), {}
assert(table_text:find(report.answer, 1, true) == 1 and type(report.verdict.kind) == "string")
for _, row in ipairs(report.rows) do
  assert(#row.runs == 2 and row.runs[1].wall == row.walls[1] and type(row.faults) == "number", row.world)
  if row.cpu_wait then
    assert(row.cpu_wait >= 0 and row.cpu_wait <= 1 and row.cpu_wait_others <= row.cpu_wait, row.world)
    for _, thread in ipairs(row.runs[1].threads) do assert(thread.tid > 0 and thread.ran >= 0 and thread.ready >= 0) end
  end
  assert(#row.walls == 2 and row.least <= row.wall and row.wall <= row.most and row.peak > 0, row.world)
  assert(table_text:find("\n" .. row.world .. (" .* %d\n"):format(row.messages)), row.world)
  for run, seconds in ipairs(row.walls) do
    lines[#lines + 1] = ("%s,,%d,%.6f"):format(row.world, run, seconds)
  end
end
assert(#report.rows >= 3)
local count = 0
for line in read("report.csv"):gmatch("[^\n]+") do
  local world, workers, run, seconds = line:match("^(%a+),(%d*),(%d+),([%d.e-]+),")
  if world then
    count = count + 1
    assert(lines[count] == ("%s,%s,%d,%.6f"):format(world, workers, run, seconds), line)
  end
end
assert(count == #lines)
assert(type(trace.traceEvents) == "table" and trace.otherData.command[1] == "sums.lua")

-- Where worlds were recorded, each has a process of its name, and holds its lock at some time.
if read("err"):find("no timeline of") then return end
for _, row in ipairs(report.rows) do
  local pids, holds = {}, false
  for _, event in ipairs(trace.traceEvents) do
    local is_name = event.name == "process_name" and event.args.name:find(row.world .. ": ", 1, true) == 1
    if is_name then pids[event.pid] = true end
  end
  for _, event in ipairs(trace.traceEvents) do
    holds = holds or (event.cat == "lock" and pids[event.pid] and event.dur > 0)
  end
  assert(next(pids) and holds, row.world .. " is not in the trace")
end
END
grep -q '<!doctype html>' report.html || fail "no page"

compare 0 --json - sums.lua
lua5.4 -e 'assert(require("cjson").decode(io.open("out"):read("a")).agree)' || fail "stdout is not the JSON alone"
grep -q "^world " err || fail "the table is not on stderr"

# A flame graph of each world; the functions are in the data of the page.
cat >crunch.lua <<'END'
local mm = require("manymoons")
local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + i % 7 end
  return sum
end
print(#mm.Pool(2):map(function(x) return (crunch(1500000 + x)) end, { 1, 2, 3, 4 }, { chunksize = 1 }))
END
compare 0 --worlds serial,threads,processes --profile crunch.lua
grep -q 'wrote compare.html (open it in a browser)' err || fail "the page of --profile is not said"
lua5.4 - <<'END' || fail "the flame graphs do not show the function"
local page = assert(io.open("compare.html")):read("a")
local data = require("cjson").decode(page:match('id="data">(.-)</script>'))
for i, world in ipairs({ "serial", "threads", "processes" }) do
  assert(page:find(('<canvas id="flame-%d"'):format(i - 1), 1, true), world)
  local names = {}
  for _, f in ipairs(data.flames.profiles[i].functions) do names[f.name] = true end
  assert(names.crunch, world)
  for _, name in ipairs(data.timeline[i].names) do names[name] = true end
  assert(names["crunch (crunch.lua:2)"], world .. ": the timeline does not name it")
end
END

echo 'print(require("manymoons").current_world())' >differs.lua
compare 1 --json differs.json --html differs.html differs.lua
grep -q '"agree":false' differs.json || fail "the disagreement is not in the JSON"
grep -q 'class="answer wrong"' differs.html || fail "the disagreement is not on the page"

echo 'io.open("ran", "w"):close()' >leaves.lua
mkdir folder
for wrong in "--json folder" "--html folder/none/x" "--csv x --json x" "--profile=yes"; do
  # shellcheck disable=SC2086
  compare 2 $wrong leaves.lua
  [ ! -e ran ] || fail "$wrong: it ran all the same"
  grep -q "^manymoons compare: --" err || fail "$wrong: no message"
done
[ ! -e x ] || fail "a file was left"
