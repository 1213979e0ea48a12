#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons compare: the answer comes first, differing results are found and shown, and failures are
# distinguished from slow runs.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat out err
  exit 1
}

# expect STATUS PATTERN compare-arguments…: checks the exit status, and the first line of the output
# against the pattern, unless that is empty.
expect() {
  status=$1 pattern=$2
  shift 2
  actual=0
  "$manymoons" compare "$@" >out 2>err || actual=$?
  [ "$actual" = "$status" ] || fail "compare $*: exit status $actual, not $status"
  [ -z "$pattern" ] || head -n 1 out | grep -Eq -- "$pattern" || fail "compare $*: the first line does not match '$pattern'"
}

cat >good.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(2)
local squares = pool:map(function(x) return x * x end, { 1, 2, 3 })
pool:close()
pool:join()
print(arg[1], squares[3])
END

cat >differs.lua <<'END'
print("the same in all")
print("here\7 it is", require("manymoons").current_world())
END

cat >fails.lua <<'END'
if require("manymoons").current_world() == "processes" then os.exit(3) end
END

cat >hangs.lua <<'END'
if require("manymoons").current_world() == "interpreters" then while true do end end
END

cat >dies.lua <<'END'
if require("manymoons").current_world() == "serial" then
  local self = assert(io.open("/proc/self/stat")):read("n")
  os.execute("kill -9 " .. self)
end
END

number='[0-9]+\.[0-9]+'
expect 0 "^[a-z]+ is fastest.* 2 runs each$" --runs 2 good.lua word
for world in serial threads interpreters processes; do
  grep -Eq "^$world +$number +$number-$number( +$number){3} +(-|[0-9]+ %) +$number +[0-9,]+$" out ||
    fail "no row for $world"
done
[ ! -s err ] || fail "something on stderr"
expect 0 "^processes takes $number s, 1 run$" --worlds=processes --runs=1 --warmup=0 good.lua

grep -Eq "^processes .* [1-9][0-9]*$" out || fail "no messages were counted"
tail -n 1 out | grep -Eq "^(runs of .* measure little|processes kept)" || fail "the last line is no advice"
expect 0 "^processes takes $number s, 1 run$" --worlds=processes --runs=1 --warmup=0 -- good.lua

cat >counts.lua <<'END'
local mm = require("manymoons")
io.stderr:write(mm.current_world(), " ", mm.cpu_count(), " ", (tostring(mm.Pool()):match("%d+")), "\n")
END
expect 0 "" --worlds interpreters,processes --workers 1,3 --runs 1 --warmup 0 counts.lua
printf '%s\n' "interpreters 1 1" "processes 1 1" "interpreters 3 3" "processes 3 3" | cmp -s - err ||
  fail "workers do not follow --workers"
grep -Eq "^interpreters +3 +$number" out || fail "no row for 3 workers"

expect 1 "^the outputs differ: interpreters \(run 1\) does not print the same as serial, first in line 2$" \
  --runs 1 --worlds serial,interpreters differs.lua
grep -Fq 'here\7 it is\9interpreters' out || fail "the line is not shown"

expect 1 "^the script failed in processes: exit code 3$" --runs 1 fails.lua
expect 1 "^the script failed in interpreters: not done after 0.2 s$" --timeout 0.2 --worlds interpreters hangs.lua
expect 1 "^the script failed in serial: killed by signal 9$" --worlds serial dies.lua

for wrong in "" "missing.lua" "--nothing good.lua" "--runs 0 good.lua" "--runs" "--worlds moon good.lua" \
  "--timeout -1 good.lua" "--workers 0 good.lua" "--workers 1,x good.lua" "--json /nowhere/x good.lua" \
  "--json - --csv - good.lua" "--html= good.lua" "."; do
  # shellcheck disable=SC2086
  expect 1 "" $wrong
  grep -q "^manymoons compare: " err || fail "compare $wrong: no message"
done
expect 0 "^usage: " --help
