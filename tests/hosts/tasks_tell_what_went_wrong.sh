#!/bin/sh
# SPDX-License-Identifier: MIT
# Messages about async tasks on stderr: failures whose results were never requested, and tasks that
# run too long without waiting, with name and both positions; os.exit and Ctrl-C inside of tasks.
set -u
program=$MM_BUILD/manymoons
wrong=0
complain() {
  echo "$1:"
  cat out err
  wrong=1
}
# prints STATUS PATTERN…: runs run.lua; checks its exit status, and that lines of its stderr match.
prints() {
  wanted=$1
  shift
  env "$setting" timeout "${MM_HANG:-60}" "$program" run.lua >out 2>err
  status=$?
  [ $status = "$wanted" ] || complain "status $status, wanted $wanted"
  for pattern in "$@"; do grep -q -e "$pattern" err || complain "no line like '$pattern'"; done
}

setting=A=b
cat >run.lua <<'END'
local mm = require "manymoons"
local function breaks() error("lost") end
mm.async.run(function()
  mm.async.spawn(breaks)
  mm.sleep(0)
end)
END
prints 0 'manymoons: task Task-2 failed, and its result was never asked for: run.lua:2: lost' 'spawned at:' 'run.lua:4:'
[ "$(grep -c 'never asked for' err)" = 1 ] || complain "the failure is reported more than once"

cat >run.lua <<'END'
local mm = require "manymoons"
mm.async.run(function()
  mm.async.spawn(function()
    local ends = mm.time() + 0.15
    while mm.time() < ends do end
    mm.sleep(0.001)
  end):get()
end)
END
prints 0
[ -s err ] && complain "debug mode is on by itself"
setting=MANYMOONS_ASYNC_DEBUG=1
prints 0 'manymoons: task Task-2 ran for 0\.[0-9]* s without waiting (.*run.lua:6'
setting=A=b

cat >run.lua <<'END'
local mm = require "manymoons"
mm.async.run(function()
  mm.async.spawn(function() coroutine.wrap(function() mm.sleep(30) end)() end)
  mm.sleep(0.001)
  mm.async.spawn(function()
    print("leaving")
    os.exit(7)
  end):get()
end)
END
prints 7
[ "$(cat out)" = leaving ] || complain "what was printed is lost"

cat >run.lua <<'END'
local mm = require "manymoons"
mm.async.run(function()
  for i = 1, 10 do mm.async.spawn(function() mm.sleep(30) end) end
  for i = 1, 3 do mm.async.spawn(function() coroutine.wrap(function() mm.sleep(30) end)() end) end
  mm.sleep(0.001)
  io.stderr:write("ready\n")
  mm.sleep(30)
end)
END
mkfifo ready
env --default-signal=INT "$program" run.lua >out 2>ready &
pid=$!
exec 7<ready
read -r _ <&7
kill -INT $pid
timeout "${MM_HANG:-60}" cat <&7 >err
wait $pid
status=$?
[ $status = 130 ] || complain "status $status after Ctrl-C, wanted 130"
grep -q interrupted err || complain "no message about Ctrl-C"
exit $wrong
