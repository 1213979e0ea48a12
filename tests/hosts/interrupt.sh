#!/bin/sh
# SPDX-License-Identifier: MIT
# Ctrl-C: one message and exit status 130, whatever the script does; no worker survives it.
#
# A script reports through a FIFO that it has reached the point in question; then the test sends the
# signal. A second Ctrl-C ends a program that the first one could not.
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
program=$MM_BUILD/manymoons
mkfifo ready silent go
exec 8<>silent # its standard input, which has no data and no end
cat >ready.lua <<'END'
-- ready() reports to the test, once, that the point is reached.
function ready()
  ready = function() end
  local to_test = assert(io.open("ready", "w"))
  to_test:write("ready\n")
  to_test:close()
end
mm = require "manymoons"
END
wrong=0
complain() { echo "$1"; wrong=1; }

# start OPTIONS… CODE: runs the code with the default action for SIGINT; a shell ignores the signal
# in programs that it starts with &.
start() {
  env --default-signal=INT "$program" -e 'dofile("ready.lua")' "$@" >out 2>err <&8 &
  pid=$!
}

await_ready() { read -r _ <ready; }

# ended NAME: checks exit status and message.
ended() {
  wait $pid
  status=$?
  [ $status = 130 ] || complain "$1: exit status $status"
  [ "$(cat err)" = "manymoons: interrupted" ] || complain "$1: stderr: $(cat err)"
  if pgrep -g 0 manymoons >/dev/null; then complain "$1: still running: $(pgrep -g 0 -a manymoons)"; fi
}

interrupts() {
  name=$1
  shift
  start "$@"
  await_ready
  kill -INT $pid
  ended "$name"
}

loop='ready() while true do end'
interrupts 'a loop' -e "$loop"
interrupts 'calls' -e 'local function f(x) return x end ready() while true do f(f(1)) end'
interrupts 'pcall' -e 'ready() while true do pcall(error, "x") end'
interrupts 'pcall around a loop' -e "while true do pcall(function() $loop end) end"
interrupts 'xpcall with a handler' -e "while true do xpcall(function() $loop end, debug.traceback) end"
interrupts 'a coroutine' -e "coroutine.wrap(function() $loop end)()"
interrupts 'a coroutine in a coroutine' \
  -e "coroutine.wrap(function() coroutine.wrap(function() $loop end)() end)()"
interrupts 'coroutines in turns' -e '
  local co = coroutine.wrap(function() while true do coroutine.yield() end end)
  ready()
  while true do co() end'
interrupts 'a metamethod' -e 'local t = setmetatable({}, {__index = function() return 1 end})
  ready()
  while true do local x = t[1] end'
interrupts 'reading' -e 'ready() io.read("a")'
interrupts 'a program behind a pipe' -e 'io.popen("exec cat go") ready() mm.sleep(1000)'
: <>go # that program ends only now
interrupts 'a finalizer that waits' -e 'kept = setmetatable({}, {__gc = function() mm.sleep(1000) end}) ready() mm.sleep(1000)'
interrupts 'a finalizer that loops' -e 'setmetatable({}, {__gc = function() ready() while true do end end})
  collectgarbage() while true do end'
interrupts 'C functions that do not come back' -e '
  for _ = 1, 3 do mm.interpreters.Process(string.find, ("a"):rep(40), ("a?"):rep(40) .. ("a"):rep(40) .. "b"):start() end
  ready()'
interrupts 'reading a script' -e 'ready()' -
interrupts 'sleep' -e 'ready() mm.sleep(1000)'
interrupts 'sleep, called by pcall' -e 'ready() while true do pcall(mm.sleep, 1000) end'
interrupts 'short sleeps' -e 'ready() while true do mm.sleep(0.0001) end'
printf 'ready()\nwhile true do end\n' >script.lua
interrupts 'a script' script.lua
interrupts 'the required module' -l script
interrupts 'a script that is finished' -e 'mm.interpreters.Process(mm.sleep, 1000):start() ready()'

for world in interpreters processes; do
  interrupts "$world: a queue" --world $world -e 'local q, r = mm.Queue(), mm.Queue() r:put(q) ready() q:get()'
  interrupts "$world: join" --world $world -e 'local p = mm.Process(mm.sleep, 1000) p:start() ready() p:join()'
  interrupts "$world: children that wait, at the end" --world $world \
    -e 'for _ = 1, 3 do mm.Process(mm.sleep, 1000):start() end ready()'
  interrupts "$world: children that loop, at the end" --world $world \
    -e 'for _ = 1, 3 do mm.Process(function() while true do pcall(error) end end):start() end ready()'
  interrupts "$world: children, at os.exit" --world $world -e 'mm.Process(mm.sleep, 1000):start() ready() os.exit(0)'
  interrupts "$world: map" --world $world -e '
    local pool = mm.Pool(2)
    ready()
    pool:map(function() while true do end end, {1, 2, 3, 4})'
  interrupts "$world: an idle pool" --world $world -e 'local pool = mm.Pool(2) pool:map(math.abs, {1}) ready() mm.sleep(1000)'
done

# One press may send the signal several times.
start -e 'ready() while true do end'
await_ready
kill -INT $pid
kill -INT $pid 2>/dev/null
ended 'two signals at once'

# C functions that do not return cannot be interrupted: the second press ends the program by the signal's
# default action. A press that comes before the call has begun is another case, and it is tried again.
for _ in $(seq 20); do
  start -e 'ready() string.find(("a"):rep(40), ("a?"):rep(40) .. ("a"):rep(40) .. "b")'
  await_ready
  while kill -INT $pid 2>/dev/null; do sleep 0.05; done
  wait $pid
  status=$?
  grep -q interrupted err || break
done
[ $status = 130 ] || complain 'a C function: not ended by the second Ctrl-C'
[ ! -s err ] || complain "a C function: $(cat err)"

# As with nohup, an ignored SIGINT stays ignored.
env --ignore-signal=INT "$program" -e 'io.popen("kill -INT $PPID"):close() print("goes on")' >out 2>err
[ "$(cat out err)" = 'goes on' ] || complain "an ignored SIGINT: $(cat out err)"
exit $wrong
