#!/bin/sh
# SPDX-License-Identifier: MIT
# The messages of a pool on stderr: failed calls whose results were never requested, once each;
# errors of callbacks; workers that cannot be stopped; progress. Nothing else, and nothing on
# stdout.
set -eu
manymoons=$MM_BUILD/manymoons
. "$MM_TOP/tests/support/terminal.sh"

fail() {
  echo "$1"
  cat out err
  exit 1
}
# says PATTERN N: checks that N lines of stderr match.
says() { [ "$(grep -c "$1" err || true)" = "$2" ] || fail "stderr does not have '$1' $2 times, in $world"; }

cat >unasked.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(2)
for i = 1, 2 do pool:submit(function() error("nobody asks " .. i) end):wait() end
local asked = pool:submit(function() error("asked") end)
pcall(asked.get, asked)
asked = nil
pool:submit(function() end):on_done(function() error("in a callback") end):wait()
pool:apply_async(function() error("callback alone") end, {}, { callback = print }):wait()
collectgarbage()
collectgarbage()
pool:close()
pool:join()
END
for world in serial threads interpreters processes; do
  "$manymoons" --world $world unasked.lua >out 2>err || fail "unasked.lua fails in $world"
  [ ! -s out ] || fail "something is on stdout in $world"
  says "nobody asks 1" 1
  says "nobody asks 2" 1
  says asked$ 0
  says "a callback raised: .*in a callback" 1
  says "failed: .*callback alone" 1
done

# A C function cannot be interrupted: after a second the pool abandons its interpreter and starts
# another one. On a busy machine the other calls may reach a short limit, too; then the test tries a
# longer one.
cat >stuck.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(1)
local ok, err = pcall(pool.map, pool, function(x)
  if x == 2 then (("a"):rep(30000)):find((".-"):rep(20) .. "b") end
  return x
end, { 1, 2, 3 }, { timeout = tonumber(arg[1]) })
print(ok, err.kind, err.results[1], err.results[2], err.results[3])
os.exit(true)
END
run_stuck() {
  for limit in 0.1 1 10 60; do
    "$manymoons" --world $world stuck.lua $limit >out 2>err || fail "stuck.lua fails in $world"
    [ "$(cat out)" != "$(printf 'false\ttimeout\t1\tnil\t3')" ] || return 0
  done
  fail "the other calls are not as they were in $world"
}
world=interpreters
run_stuck
says "cannot be interrupted" 1
world=processes
run_stuck
[ ! -s err ] || fail "output on stderr in processes"

# Progress: a bar on a terminal, one line elsewhere; the line is always completed.
cat >progress.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(2)
local function nap(x)
  require("manymoons").sleep(0.01)
  if x == tonumber(arg[1]) then error("on purpose") end
  return x
end
local list = {}
for i = 1, 60 do list[i] = i end
print(pcall(pool.map, pool, nap, list, { progress = true }) and "fine" or "failed")
pool:terminate()
END
for world in serial threads interpreters processes; do
  "$manymoons" --world $world progress.lua >out 2>err || fail "progress.lua fails in $world"
  [ "$(cat out)" = fine ] || fail "progress changes the output in $world"
  says "^PoolWorker: 60/60 .* workers [0-9]* % busy$" 1
  [ "$(wc -l <err)" = 1 ] || fail "more than one line on stderr in $world"
  terminal_open "TERM=xterm $manymoons --world $world progress.lua 60"
  terminal_expect "60/60"
  terminal_expect failed
  terminal_close
  [ "$terminal_status" = 0 ] || fail "progress.lua fails on a terminal in $world"
  grep -q "100 % \[####*\]" terminal.out || fail "no full bar in $world"
done
