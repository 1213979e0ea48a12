#!/bin/sh
# SPDX-License-Identifier: MIT
# An uncaught error in a worker: exit code 1, and its traceback on stderr, once, with the worker's
# name. The error of a pool task goes to the caller of the result, and is not printed.
set -eu

cat >script.lua <<'END'
local mm = require("manymoons")
local p = mm.Process{ name = "miller", method = arg[1], target = function()
  local function deep() error("the wheel broke") end
  deep()
end }
p:start()
p:join()
assert(p.exitcode == 1, p.exitcode)
p = mm.Process{ name = "baker", method = arg[1], target = function() error({ code = 5 }) end }
p:start()
p:join()
assert(p.exitcode == 1, p.exitcode)
local pool = mm.Pool(1)
local future = pool:submit(function() error("kept for the asker") end)
future:wait()
pool:close()
pool:join()
END

# expect COUNT PATTERN WHERE…
expect() {
  [ "$(grep -c -- "$2" err)" = "$1" ] || { echo "$3 $4: '$2' is not printed $1 times:"; cat err; }
}

for how in serial interpreters processes:fork processes:spawn processes:forkserver; do
  world=${how%:*} method=${how#*:}
  [ "$method" != "$how" ] || method=
  status=0
  "$MM_BUILD/manymoons" --world $world script.lua $method >out 2>err || status=$?
  [ $status = 0 ] || { echo "$how: exit status $status"; cat err; }
  [ ! -s out ] || { echo "$how: output on stdout:"; cat out; }
  expect 1 "the wheel broke" "$world" "$method"
  expect 1 "^miller: .*script.lua:3: the wheel broke" "$world" "$method"
  expect 1 "^baker: .*table value" "$world" "$method"
  expect 2 "stack traceback:" "$world" "$method"
  expect 1 "deep" "$world" "$method"
  expect 1 "asker" "$world" "$method"
done
