#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons compare: the answer comes first, differing results are found and shown, and failures are
# distinguished from slow runs. What the figures do not show is not said, whatever else the machine does. Wrong use gives
# status 2.
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

cat >works.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(2)
local function work(x)
  local sum = 0
  for i = 1, 1500000 do sum = sum + i % x end
  return sum
end
print(#pool:map(work, { 1, 2, 3, 4 }, { chunksize = 1 }))
pool:close()
pool:join()
END

number='[0-9]+\.[0-9]+'
expect 0 "^(the machine was )?too (few runs|busy|short) to tell: .*" --runs 2 good.lua word
# world, median, range, speed-up with its interval, path, CPU, ratio, cores, waits, memory, messages
share='(-|[0-9]+ %)'
for world in serial threads interpreters processes; do
  grep -Eq "^$world +$number +$number–$number +$number × +($number ×|-)( +$number){3} +$share +$share +$number +[0-9,]+$" out ||
    fail "no row for $world"
done
head -3 out | tail -1 | grep -q "cpu wait" || fail "no column cpu wait"
[ ! -s err ] || fail "something on stderr"
expect 0 "^([a-z]+ is fastest|no world is clearly faster: |the machine was too busy to tell: |too short to tell: ).*" \
  --runs 5 --worlds serial,processes works.lua
grep -Eq "^processes .* $number × \($number–$number\) " out || fail "no interval"
expect 0 "^processes takes $number s, 1 run$" --worlds=processes --runs=1 --warmup=0 good.lua

grep -Eq "^processes .* [1-9][0-9]*$" out || fail "no messages were counted"
expect 0 "^processes takes $number s, 1 run$" --worlds=processes --runs=1 --warmup=0 -- good.lua

# Without --runs there are five rounds at least, and no more where they would tell nothing.
expect 0 "^serial takes $number s, 5 runs$" --worlds serial good.lua word

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

# A syntax error is said once, before anything runs.
echo 'x = = 1' >broken.lua
expect 1 "" broken.lua
[ "$(cat err)" = "manymoons compare: broken.lua:1: unexpected symbol near '='" ] || fail "not said, or not once"

# Options behind the script are the script's, and that is noticed; behind -- it is meant.
expect 0 "" --worlds serial --runs 1 --warmup 0 good.lua --runs 3
grep -q "^manymoons compare: note: --runs stands behind the script" err || fail "--runs behind the script is not noticed"
expect 0 "" --worlds serial --runs 1 --warmup 0 -- good.lua --runs 3
[ ! -s err ] || fail "a word behind -- is noticed"

# The size of chunks reaches the pool: of four items, one or two tasks are sent; each run sees them in its environment.
cat >chunks.lua <<'END'
io.stderr:write(os.getenv("MANYMOONS_CHUNKSIZE"), "\n")
print(#require("manymoons").Pool(2):map(function(x) return x end, { 1, 2, 3, 4 }))
END
expect 0 "" --worlds processes --chunks 1,64,auto --runs 1 --warmup 0 chunks.lua
[ "$(cat err)" = "1
64
auto" ] || fail "chunks do not follow --chunks"
grep -Eq "^processes +64 " out && grep -Eq "^processes +auto " out || fail "no row for each size of chunks"

# The same script in other Luas, where they are.
cat >lua.lua <<'END'
io.stderr:write(jit and "luajit" or _VERSION, " ", require("manymoons").current_world(), "\n")
print("the same")
END
case $MM_BUILD in
  */asan | */tsan) luajit= ;; # the sanitizer would have to be in the other Lua
  *) luajit=$(command -v luajit || true) ;;
esac
if [ -n "$luajit" ]; then
  expect 0 "" --lua 5.4,luajit --worlds serial,interpreters --runs 1 --warmup 0 lua.lua
  printf '%s\n' "Lua 5.4 serial" "Lua 5.4 interpreters" "luajit serial" "luajit interpreters" | cmp -s - err ||
    fail "the Luas do not follow --lua"
  grep -Eq "^interpreters +luajit +$number" out || fail "no row for luajit"
fi
status=0
(PATH=/nowhere "$manymoons" compare --lua 5.3 lua.lua >out 2>err) || status=$?
[ $status = 1 ] && grep -q "lua5.3 is not installed" err || fail "a Lua that is not there: exit status $status"

# Options of the program that run code are for the runs, in their order; the comparison itself runs none of it.
echo 'print(word, string_module.rep("y", 2)) io.stderr:write(word, string.char(10))' >options.lua
mkdir -p modules
echo 'return string' >modules/string_module.lua
for words in "-e word='a' -lstring_module compare --worlds serial,threads" \
  "compare --worlds serial,threads -e word='a' -l string_module"; do
  # shellcheck disable=SC2086
  (export LUA_PATH="modules/?.lua;;"; "$manymoons" $words --runs 2 --warmup 0 options.lua >out 2>err) || fail "$words"
  [ "$(grep -c '^a$' err)" = 4 ] || fail "$words: not once in each run"
done

# --pin leaves the script at the processors that it names.
echo 'print(require("manymoons").cpu_count())' >count.lua
first=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
expect 0 "" --pin="$first" --worlds serial --runs 1 --warmup 0 --json pinned.json count.lua
grep -q '"output"' pinned.json && fail "the output is in the report"
expect 0 "^processes takes" --pin --worlds processes --runs 1 --warmup 0 good.lua
expect 2 "" --pin=4000 count.lua

# Colours are for terminals, and not for all of them.
if grep -q "$(printf '\033')" out; then fail "colours in a file"; fi

for wrong in "" "missing.lua" "--nothing good.lua" "--runs 0 good.lua" "--runs" "--worlds moon good.lua" \
  "--timeout -1 good.lua" "--chunks 0 good.lua" "--chunks many good.lua" "--lua 4.0 good.lua" \
  "--pin=x good.lua" "--pin= good.lua" "--runs nan good.lua" "--workers 0 good.lua" "--workers 1,x good.lua" "--json /nowhere/x good.lua" \
  "--json - --csv - good.lua" "--html= good.lua" "."; do
  # shellcheck disable=SC2086
  expect 2 "" $wrong
  grep -q "^manymoons compare: " err || fail "compare $wrong: no message"
done
expect 0 "^usage: " --help
