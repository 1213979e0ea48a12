#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons profile: the function that computes is on top in every world, every worker is there, a lock's holder is
# named; each format is what other programs read; the script's output, arguments and exit status are its own; the
# profile is written however the script ends, and a good file is kept when the script cannot be read.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat out err
  exit 1
}

cat >work.lua <<'END'
local mm = require("manymoons")
local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + i % 7 end
  return sum
end
local function twice(n) return crunch(n) + crunch(n) + 1 end
local pool = mm.Pool{ workers = 2, name = "Cruncher" }
local both = mm.current_world() ~= "serial" and mm.Barrier(2) -- so that one worker does not take all
local sums = pool:map(function(x)
  if both and x <= 2 then both:wait() end
  return twice(4000000 + x)
end, { 1, 2, 3, 4, 5, 6 }, { chunksize = 1 })
print(arg[0], arg[1], ..., #sums)
if arg[1] == "error" then error("boom") end
if arg[1] == "exit" then os.exit(3) end
END

# A machine that is busy may let a thread run between its samples alone: seen CONDITION… tries again then.
seen() {
  for _ in 1 2 3 4 5 6; do
    profiled
    if "$@"; then return 0; fi
  done
  fail "$* fails in $world"
}

# The first function of a table is the one that computes.
is_on_top() { sed -n '/FUNCTION$/{n;p;}' out | grep -q " crunch (work.lua:2)" && grep -q " twice (work.lua:7)" out; }
profiled() {
  "$manymoons" --world $world profile --top 10 work.lua a >out 2>err || fail "profile fails in $world"
  grep -q "^work.lua.a.a.6$" out || fail "the script has other arguments in $world"
  [ ! -s err ] || fail "something is said in $world"
}
for world in serial async threads interpreters processes; do seen is_on_top; done

has_worker() { grep -Eq "^$world: Cruncher-$1;(.*;)?twice \(work.lua:7\);crunch \(work.lua:2\) [0-9]+$" out.folded; }
have_workers() { has_worker 1 && has_worker 2; }
profiled() {
  "$manymoons" --world $world profile -o out.folded work.lua >out 2>err || fail "folded fails in $world"
  grep -q "wrote out.folded" err || fail "what was written is not said"
}
for world in threads interpreters processes; do seen have_workers; done

# What other programs read.
"$manymoons" profile -o out.json --mode wall work.lua >out 2>err
lua5.4 - out.json >>out 2>>err <<'END' || fail "the JSON is not speedscope's"
local p = require("cjson").decode(assert(io.open(arg[1])):read("a"))
assert(p["$schema"] == "https://www.speedscope.app/file-format-schema.json")
assert(#p.profiles >= 3, "threads are missing")
for _, profile in ipairs(p.profiles) do
  assert(profile.type == "sampled" and profile.unit == "microseconds" and #profile.samples == #profile.weights)
  local sum = 0
  for i, stack in ipairs(profile.samples) do
    sum = sum + profile.weights[i]
    for _, frame in ipairs(stack) do assert(p.shared.frames[frame + 1].name, "a frame that is not there") end
  end
  assert(sum == profile.endValue)
end
END
"$manymoons" profile work.lua >out 2>err
grep -q "<html" profile.html || fail "no page"
if grep -Eq "(src|href)=\"?[a-z]+:|@import|url\(" profile.html && grep -Eo "(src|href)=\"?[a-z]+:[^\"]*" profile.html | grep -v 'href="data:,*$' | grep -q .; then
  fail "the page needs the network"
fi
"$manymoons" profile --format folded -o - work.lua >out 2>err
grep -q "^[^;]*;.*crunch (work.lua:2) [0-9]*$" out || fail "nothing is on stdout"

# The lock of a VM: its holder is named while others wait for it.
cat >holder.lua <<'END'
local mm = require("manymoons")
local function hold() string.rep("x", 60000000):reverse():find("y", 1, true) end
local function nibble()
  local sum = 0
  for i = 1, 1000000 do sum = sum + i % 3 end
  return sum
end
local workers = {}
for i, f in ipairs({ hold, nibble }) do
  workers[i] = mm.threads.Process(function() for _ = 1, 10 do f() end end)
  workers[i]:start()
end
for _, worker in ipairs(workers) do worker:join() end
END
"$manymoons" profile --mode lock -o holder.folded holder.lua >out 2>err || fail "the mode lock fails"
grep -q ";hold (holder.lua:2);[a-z]* (\[C\]) [0-9]*$" holder.folded || { cat holder.folded; fail "the lock's holder is not named"; }

# However the script ends.
for how in error exit; do
  code=0
  "$manymoons" profile -o $how.folded work.lua $how >out 2>err || code=$?
  [ "$code" = "$([ $how = exit ] && echo 3 || echo 1)" ] || fail "after $how the status is $code"
  grep -q crunch $how.folded || fail "after $how nothing was written"
done
cat >killed.lua <<'END'
local mm = require("manymoons")
local gate = mm.Queue()
local worker = mm.Process(function()
  local sum = 0
  for i = 1, 20000000 do sum = sum + i end
  gate:put(sum)
  while true do sum = sum + 1 end
end)
worker:start()
gate:get()
worker:kill()
worker:join()
END
"$manymoons" --world processes profile -o killed.folded killed.lua >out 2>err || fail "a killed worker ends the profile"
grep -q "(killed.lua:3) [0-9]*$" killed.folded || fail "what a killed worker did is lost"
echo 'while true do end' >endless.lua
code=0
env --default-signal=INT "$manymoons" profile -o endless.folded endless.lua >out 2>err &
pid=$!
until [ -f endless.folded ]; do sleep 0.02; done
sleep 0.2
kill -INT $pid
wait $pid || code=$?
[ "$code" = 130 ] || fail "Ctrl-C ends with $code"
grep -q "interrupted" err || fail "the interruption is not said"
[ -f endless.folded ] || fail "nothing was written after Ctrl-C"

# What cannot be done is said first.
echo kept >kept.html
echo 'x = = 1' >broken.lua
code=0
"$manymoons" profile -o kept.html broken.lua >out 2>err || code=$?
[ "$code" = 1 ] && grep -q "broken.lua:1:" err || fail "a broken script is not named"
[ "$(cat kept.html)" = kept ] || fail "a good file was overwritten"
for wrong in "" "--mode fast work.lua" "--rate 0 work.lua" "--top work.lua" "--format pdf work.lua" "--flame work.lua"; do
  code=0
  # shellcheck disable=SC2086
  "$manymoons" profile $wrong >out 2>err || code=$?
  [ "$code" = 2 ] && grep -q "^manymoons profile: " err || fail "'$wrong' is taken"
done
code=0
"$manymoons" profile -o missing/x.html work.lua >out 2>err || code=$?
[ "$code" = 1 ] && grep -q "missing/x.html" err && ! grep -q work.lua out || fail "a file that cannot be written is no error"
