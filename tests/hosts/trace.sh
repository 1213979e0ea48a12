#!/bin/sh
# SPDX-License-Identifier: MIT
# Recordings: the file has what the script did, in every world, however the recording was requested,
# also if workers are killed or the program ends early. A file that cannot be written is an error
# before anything runs.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat out err
  exit 1
}

cat >work.lua <<'END'
local mm = require("manymoons")
local q, total = mm.Queue(), 0
local producer = mm.Process({ name = "Producer", target = function()
  for i = 1, 30 do
    q:put(i)
    mm.sleep(0.0005)
  end
end })
producer:start()
for _ = 1, 30 do total = total + q:get() end
producer:join()
local pool = mm.Pool(2)
local list = pool:map(function(x)
  local s = 0
  for i = 1, 20000 do s = s + i % x end
  return s
end, { 1, 2, 3, 4, 5, 6 }, { chunksize = 1 })
pool:close()
pool:join()
print(total, #list)
END

# Checks the invariants of a recording, and counts its events: slices nest, one thread at a time
# holds the lock of a VM, each arrow has two ends, processes and threads have names.
cat >check.lua <<'END'
local cjson = require("cjson")
local trace = cjson.decode(assert(io.open(arg[1])):read("a"))
local counts, names, vms, lanes, flows = {}, {}, {}, {}, {}
local function count(what) counts[what] = (counts[what] or 0) + 1 end
for _, e in ipairs(trace.traceEvents) do
  local lane = e.pid .. "/" .. (e.tid or 0)
  if e.ph == "M" then
    if e.name == "thread_name" then names[lane] = e.args.name end
    if e.name == "vm" then vms[lane] = e.pid .. "/" .. e.args.vm end
  elseif e.ph == "X" then
    assert(e.dur >= 0 and e.ts >= 0 and e.ts + e.dur <= trace.otherData.duration + 1, "a slice outside of the recording")
    count(e.cat == "task" and "task" or e.cat == "worker" and "worker" or e.name)
    lanes[lane] = lanes[lane] or {}
    table.insert(lanes[lane], e)
  else
    count(e.ph)
    flows[e.id] = (flows[e.id] or 0) + (e.ph == "s" and 1 or -1)
  end
end
local holds = {}
for lane, slices in pairs(lanes) do
  assert(names[lane] and vms[lane], "a thread without a name or a VM")
  local open = {}
  for _, e in ipairs(slices) do
    while #open > 0 and open[#open] <= e.ts + 0.0005 do table.remove(open) end
    assert(#open == 0 or e.ts + e.dur <= open[#open] + 0.0015, "slices that cross each other")
    open[#open + 1] = e.ts + e.dur
    if e.name == "holds the lock" then
      holds[vms[lane]] = holds[vms[lane]] or {}
      table.insert(holds[vms[lane]], { e.ts, e.ts + e.dur })
    end
  end
end
for vm, list in pairs(holds) do
  table.sort(list, function(a, b) return a[1] < b[1] end)
  for i = 2, #list do
    assert(list[i][1] >= list[i - 1][2] - 0.0015, "two threads of VM " .. vm .. " hold its lock at once")
  end
end
for id, balance in pairs(flows) do assert(balance == 0 or arg[2] == "torn", "one end of message " .. id) end
counts.names = {}
for _, name in pairs(names) do counts.names[name] = true end
counts.dropped = trace.otherData.dropped
return counts
END

# check FILE CONDITION [torn]: checks the file, and a condition on its counts c.
check() {
  lua5.4 -e "arg = { '$1', '${3:-}' }; local c = dofile('check.lua'); assert($2)" >err 2>&1 || fail "$1: $2"
}

: >out
: >err
for world in serial threads interpreters processes; do
  MANYMOONS_TRACE=$world.json "$manymoons" --world $world work.lua >out 2>err || fail "work.lua fails in $world"
  [ ! -s err ] || fail "output on stderr in $world"
  grep -q '^465[[:space:]]6$' out || fail "the script's output is another one in $world"
  check $world.json 'c["holds the lock"] > 0 and c.dropped == 0 and c.s >= 30 and c.s == c.f and c.names.MainProcess'
done
for world in threads interpreters processes; do
  check $world.json 'c.task == 6 and c.worker == 3 and c.sleep == 30 and c.get and c.join and c.names.Producer'
  check $world.json 'c.names["PoolWorker-1"] and c.names["PoolWorker-2"]'
done

# Each of two threads needs the other to run, and neither waits by itself, so one waits for the
# lock.
cat >turns.lua <<'END'
local mm = require("manymoons")
local started, seen = false, false
local other = mm.threads.Process(function()
  started = true
  while not seen do end
end)
other:start()
while not started do end
seen = true
other:join()
END
MANYMOONS_TRACE=turns.json "$manymoons" turns.lua >out 2>err || fail "turns.lua fails"
check turns.json 'c["waits for the lock"] > 0'

# The subcommand `trace`, and mm.trace in the script.
"$manymoons" --world threads trace -o trace.json work.lua >out 2>err || fail "trace fails"
check trace.json 'c.task == 6'
cat >part.lua <<'END'
local mm = require("manymoons")
assert(mm.trace("part.json"))
assert(select(2, mm.trace("other.json")) == "a recording is under way")
local q = mm.Queue()
q:put(1)
q:get()
assert(mm.trace(nil))
assert(select(2, mm.trace(nil)) == "nothing is recorded")
q:put(1)
assert(not pcall(mm.trace, 7))
assert(not pcall(mm.trace, "x", { limit = 3 }))
local ok, why = mm.trace("no/such/folder.json")
assert(not ok and why:find("No such file", 1, true), why)
END
"$manymoons" part.lua >out 2>err || fail "mm.trace fails"
check part.json 'c.s == 1 and c.f == 1'
case $MM_BUILD in
*/asan) ;; # the sanitizer would have to be in the host
*)
  LUA_CPATH="$MM_BUILD/lua/5.4/?.so" lua5.4 part.lua >out 2>err || fail "mm.trace fails in lua5.4"
  check part.json 'c.s == 1 and c.f == 1'
  ;;
esac

# The events of a killed worker are in the file, and those before an error or an exit. The worker
# may have been killed between its last put and the mark for it.
cat >killed.lua <<'END'
local mm = require("manymoons")
local q = mm.processes.Queue()
local worker = mm.processes.Process({ name = "Victim", target = function()
  for i = 1, 10 do q:put(i) end
  while true do end
end })
worker:start()
for _ = 1, 10 do q:get() end
worker:kill()
worker:join()
if arg[1] == "exit" then os.exit(3) end
error("on purpose")
END
for how in exit error; do
  status=0
  MANYMOONS_TRACE=$how.json "$manymoons" killed.lua $how >out 2>err || status=$?
  [ $status = $([ $how = exit ] && echo 3 || echo 1) ] || fail "killed.lua $how: exit status $status"
  check $how.json 'c.names.Victim and c.s >= 9 and c.f == 10' torn
done

# A limit drops events and counts them; a program inside a program does not write the same file; a
# file that cannot be written is an error before the script runs.
echo 'local q = require("manymoons").Queue() for i = 1, 3000 do q:put(i) q:get() end' >many.lua
MANYMOONS_TRACE=few.json MANYMOONS_TRACE_LIMIT=1024 "$manymoons" many.lua >out 2>err || fail "many.lua fails with a limit"
check few.json 'c.dropped > 0' torn
echo 'assert(os.execute("$MM_BUILD/manymoons -e \"os.exit(0)\"")) assert(not os.getenv("MANYMOONS_TRACE"))' >shell.lua
MANYMOONS_TRACE=shell.json "$manymoons" shell.lua >out 2>err || fail "a program inside a program fails"
check shell.json 'c["holds the lock"] >= 1'
for wrong in no/such/folder.json /dev/full; do
  status=0
  MANYMOONS_TRACE=$wrong "$manymoons" -e 'print("ran")' >out 2>err || status=$?
  [ $status = 1 ] && grep -q trace err || fail "$wrong: exit status $status"
done

# The page: it says what it wrote and where to open it, names the functions that ran, and is written however the script ends,
# whose output, arguments and exit status are its own.
cat >page.lua <<'EOF'
local mm = require("manymoons")
local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + i % 7 end
  return sum
end
local list = mm.Pool{ workers = 2, name = "Cruncher" }:map(function(x) return (crunch(2000000 + x)) end, { 1, 2, 3, 4 },
  { chunksize = 1 })
print(arg[0], ..., #list)
if arg[1] == "error" then error("boom") end
if arg[1] == "exit" then os.exit(3) end
EOF
for world in serial async threads interpreters processes; do
  "$manymoons" --world $world trace --html page.html page.lua a >out 2>err || fail "trace --html fails in $world"
  grep -q "^page.lua.a.4$" out || fail "the script has other arguments in $world"
  grep -Eq '^manymoons trace: wrote page.html \([0-9]+ threads? in [0-9]+ process(es)?, .*; open it in a browser\)$' err ||
    fail "what was written is not said in $world"
  grep -q 'crunch (page.lua:2)' page.html || fail "the page does not name the function in $world"
  case $world in threads | interpreters | processes) grep -q 'Cruncher-2' page.html || fail "a worker is not there in $world" ;; esac
done
for how in error exit; do
  status=0
  "$manymoons" trace --html=$how.html -o $how.json page.lua $how >out 2>err || status=$?
  [ $status = $([ $how = exit ] && echo 3 || echo 1) ] || fail "after $how the status is $status"
  grep -q '</html>' $how.html || fail "after $how there is no page"
  check $how.json 'c.task == 4'
done
"$manymoons" trace --html - page.lua a >out 2>err || fail "the page on stdout fails"
grep -q '</html>' out && [ ! -s err ] || fail "the page is not on stdout"
"$manymoons" trace -o seen.json page.lua >out 2>err
grep -Fxq 'manymoons trace: wrote seen.json (open it at https://ui.perfetto.dev, which keeps it on this machine)' err ||
  fail "what was written is not said"
"$manymoons" trace page.lua >out 2>err && [ -s trace.json ] || fail "there is no trace.json"
"$manymoons" trace --help >out 2>err || fail "trace --help fails"
grep -q -- '--html FILE' out || fail "trace --help does not say --html"

# A good file is kept when the script cannot be read; wrong use is said, and is no failure of the script.
echo kept >kept.html
cp kept.html kept.json
echo 'x = = 1' >broken.lua
for wrong in broken.lua missing.lua; do
  status=0
  "$manymoons" trace --html kept.html -o kept.json $wrong >out 2>err || status=$?
  [ $status = 1 ] && grep -q "$wrong" err || fail "$wrong: exit status $status"
  [ "$(cat kept.html kept.json | sort -u)" = kept ] || fail "a good file was overwritten"
done
for wrong in "" "--html" "-o" "--wrong page.lua" "--html x -o x page.lua"; do
  status=0
  # shellcheck disable=SC2086
  "$manymoons" trace $wrong >out 2>err || status=$?
  [ $status = 2 ] && grep -q "^manymoons trace: " err || fail "trace $wrong: exit status $status"
done
for wrong in "-o no/such/folder.json" "--html no/such/folder.html"; do
  status=0
  # shellcheck disable=SC2086
  "$manymoons" trace $wrong page.lua >out 2>err || status=$?
  [ $status = 1 ] && grep -q "no/such/folder" err && [ ! -s out ] || fail "trace $wrong: exit status $status"
done
for option in -o --html; do
  status=0
  "$manymoons" trace $option /dev/full page.lua >out 2>err || status=$?
  [ $status = 1 ] && grep -q "No space left" err || fail "trace $option /dev/full: exit status $status"
done

# The environment asks for a profile as it asks for a recording, and says nothing.
MANYMOONS_PROFILE=asked.folded MANYMOONS_PROFILE_RATE=200 "$manymoons" page.lua >out 2>err && [ ! -s err ] || fail "MANYMOONS_PROFILE fails"
grep -q 'crunch (page.lua:2)' asked.folded || fail "MANYMOONS_PROFILE has no functions"
status=0
MANYMOONS_PROFILE=asked.folded MANYMOONS_PROFILE_RATE=often "$manymoons" page.lua >out 2>err || status=$?
[ $status = 1 ] && grep -q "MANYMOONS_PROFILE_RATE: a whole number" err || fail "a wrong rate is taken"

# A script that is not there leaves the file of an earlier recording as it is.
echo good >earlier.json
if MANYMOONS_TRACE=earlier.json "$manymoons" missing.lua >out 2>err; then fail "a missing script: exit status 0"; fi
grep -q "cannot open missing.lua" err || fail "a missing script is not named"
[ "$(cat earlier.json)" = good ] || fail "a missing script: the earlier trace is gone"
