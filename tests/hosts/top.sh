#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons top shows the workers, queues and memory of each process of a program; on a terminal
# until q, Ctrl-C or the program's end. If there is nothing to show, it prints the reason. Threads and processes of
# workers have their names, for ps and debuggers.
set -eu
manymoons=$MM_BUILD/manymoons
. "$MM_TOP/tests/support/terminal.sh"

fail() {
  echo "$1"
  cat out err terminal.out 2>/dev/null
  exit 1
}

cat >busy.lua <<'END'
local mm = require("manymoons")
local q, gate = mm.Queue(100), mm.Queue()
for i = 1, 7 do q:put(i) end
local pool = mm.Pool{ workers = 2, name = "Cruncher" }
local logger = mm.Process{ name = "Logger", daemon = true, target = function(g) g:get() end, args = { gate } }
logger:start()
local lock = mm.Lock()
local held = pool:submit(function(g, l)
  l:acquire()
  g:put("begun")
  require("manymoons").sleep(1000)
end, gate, lock)
while gate:qsize() > 0 do mm.sleep(0.001) end -- taken by Logger, who ends
io.open("ready", "w"):close()
held:wait()
END

for world in interpreters processes; do
  rm -f ready
  "$manymoons" --world $world busy.lua >out 2>err &
  pid=$!
  until [ -f ready ]; do sleep 0.02; done
  for asked in $pid $(pgrep -P $pid | head -1); do
    "$manymoons" top --once "$asked" >out 2>err || fail "top fails in $world"
    grep -q "^Cruncher-[12] .* task 1, for " out || fail "the busy worker is not shown in $world"
    grep -q "^Cruncher-[12] .* waits for a task" out || fail "the idle worker is not shown in $world"
    grep -q "^queue  *7  *100  *7 " out || fail "the queue is not shown in $world"
    grep -q "^Lock  *0  *[0-9][0-9]*$" out || fail "the lock is not shown in $world"
    grep -q "busy.lua" out || fail "the command is not shown in $world"
  done
  "$manymoons" top --once --json $pid >out 2>err || fail "top --json fails in $world"
  lua5.4 -e 'local v = require("cjson").decode(io.read("a"))
    assert(#v.processes >= 1 and #v.workers >= 2 and #v.rings >= 4 and v.memory > 0)' <out || fail "the JSON is another one"

  case $world in
    processes) ps -o comm= --ppid $pid >out ;;
    *) ps -L -o comm= -p $pid >out ;;
  esac
  grep -q "^Cruncher-1" out || fail "a worker has no name in ps in $world"

  terminal_open "TERM=xterm $manymoons top $pid"
  terminal_expect Cruncher-1
  terminal_type q
  terminal_close
  [ "$terminal_status" = 0 ] || fail "q ends with $terminal_status"
  terminal_open "TERM=xterm $manymoons top $pid"
  terminal_expect Cruncher-1
  terminal_type '\003'
  terminal_close
  [ "$terminal_status" = 0 ] || fail "Ctrl-C ends with $terminal_status"
  terminal_open "TERM=xterm $manymoons top $pid"
  terminal_expect Cruncher-1
  kill -9 $pid
  terminal_expect "the program has ended"
  terminal_close
  [ "$terminal_status" = 0 ] || fail "the program's end ends top with $terminal_status"
  wait $pid 2>/dev/null || true
done

says() { # STATUS TEXT ARGUMENTS…
  status=0
  wanted=$1 text=$2
  shift 2
  "$manymoons" top "$@" >out 2>err || status=$?
  [ $status = "$wanted" ] || fail "top $*: exit status $status"
  grep -q "$text" out err || fail "top $*: '$text' is missing"
}
says 1 "no such process" --once 4194305
says 1 "no program that uses manymoons" --once $$
says 2 "which program?" --json
says 2 "unexpected 'x'" x
says 0 "usage: manymoons top" --help
