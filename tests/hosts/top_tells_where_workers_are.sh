#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons top says where each worker is, what it takes, and which lock it waits for, held by whom, in every world whose
# workers are threads or processes; in colours on a terminal, at any width; without a PID it lists this user's programs.
# Meanwhile `stack` looks at the same program.
set -eu
manymoons=$MM_BUILD/manymoons
. "$MM_TOP/tests/support/terminal.sh"
escape=$(printf '\033')

fail() {
  echo "${world:-}: $1"
  cat out err screen 2>/dev/null
  cat -v terminal.out 2>/dev/null | tail -c 2000
  [ -z "${pid:-}" ] || kill -KILL "$pid" 2>/dev/null || true
  exit 1
}

cat >locked.lua <<'END'
local mm = require("manymoons")
local lock, begun = mm.Lock(), mm.Queue()
local function hold()
  lock:acquire()
  begun:put(1)
  require("manymoons").sleep(1000)
end
local function want() lock:acquire() end
local function compute()
  begun:put(1)
  local sum = 0
  while true do sum = sum + 1 end
end
mm.Process({ name = "Holder", target = hold, daemon = true }):start()
begun:get()
mm.Process({ name = "Waiter", target = want, daemon = true }):start()
mm.Process({ name = "Computer", target = compute, daemon = true }):start()
begun:get()
io.open("ready", "w"):close()
mm.sleep(1000)
END

begin() {
  rm -f ready
  "$manymoons" --world $world locked.lua >program.out 2>&1 &
  pid=$!
  until [ -f ready ]; do sleep 0.02; done
}
end() {
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
# says PATTERN: looks until a look has that line; a thread on a busy machine may not answer at once.
says() {
  tries=0
  until "$manymoons" top "$pid" >out 2>err && grep -q "$1" out; do
    tries=$((tries + 1))
    [ $tries -lt 40 ] || fail "no look has '$1'"
  done
}

for world in threads interpreters processes; do
  begin
  says "^Waiter .* waits for Lock held by Holder  *want (locked.lua:8)$"
  says "^Holder .* hold (locked.lua:6)$"
  says "^Computer .* [0-9]* %  .*[0-9] [KM]iB .* compute (locked.lua:12)$"
  if grep -q "$escape" out; then fail "colours in a file"; fi
  [ "$(grep -c "^WORKER .* CPU .* MEM .* DOES .* WHERE$" out)" = 1 ] || fail "not one look"
  "$manymoons" top >out 2>err || fail "no list"
  grep -q "^ *$pid  .* locked.lua$" out || fail "the program is not in the list"
  end
done

# A host that loads the module: its first thread is seen while it computes, and its workers while it stands in a C
# function. (The sanitizer would have to be in the host.)
cat >hosted.lua <<'END'
local mm = require("manymoons")
local begun = mm.Queue()
local function compute()
  begun:put(1)
  local sum = 0
  while true do sum = sum + 1 end
end
mm.Process({ name = "Computer", target = compute, daemon = true }):start()
begun:get()
io.open("ready", "w"):close()
if arg[1] == "computes" then
  local function main_loop()
    local sum = 0
    while true do sum = sum + 1 end
  end
  main_loop()
end
io.popen("exec sleep 1000"):read("*l")
END
hosted() { # HOST WHAT PATTERN…
  rm -f ready
  MANYMOONS_WORLD=$world LUA_CPATH="$MM_BUILD/lua/${1#lua}/?.so" $1 hosted.lua $2 >program.out 2>&1 &
  pid=$!
  until [ -f ready ]; do sleep 0.02; done
  shift 2
  for pattern; do says "$pattern"; done
  for other in $(pgrep -P "$pid" sleep); do kill "$other"; done
  end
}
if [ "${MM_BUILD##*/}" != asan ]; then
  for lua in lua5.4 lua5.1; do
    command -v $lua >/dev/null || continue
    for world in interpreters processes; do
      hosted $lua computes "^Computer .* compute (hosted.lua:6)$" "^MainProcess .* main_loop (hosted.lua:14)$"
      hosted $lua waits "^Computer .* compute (hosted.lua:6)$"
    done
  done
fi

world=processes
begin
terminal_open "sh -c 'stty rows 40 cols 140; exec env TERM=xterm $manymoons top'"
terminal_expect "PROGRAM"
terminal_expect "locked.lua"
tries=0
until tail -c 4000 terminal.out | grep -aq "${escape}\[7m *$pid "; do
  terminal_type 'j'
  sleep 0.2
  tries=$((tries + 1))
  [ $tries -lt 100 ] || fail "the program cannot be chosen"
done
terminal_type '\r'
terminal_expect "waits for Lock held by Holder"
"$manymoons" stack "$pid" >out 2>err || fail "stack fails beside top"
terminal_type 'c'
terminal_expect "CPU"
terminal_type '\177'
terminal_expect "PROGRAM"
terminal_type 'q'
terminal_close
[ "$terminal_status" = 0 ] || fail "exit status $terminal_status"
grep -q "${escape}\[33mWaiter" terminal.out || fail "what waits has no colour"

# A narrow terminal keeps what matters, and no line is longer than it.
terminal_open "sh -c 'stty rows 14 cols 60; exec env TERM=xterm NO_COLOR=1 $manymoons top $pid'"
terminal_expect "waits for Lock held by Holder"
terminal_expect "quit"
terminal_expect "waits for Lock held by Holder"
terminal_expect "quit"
sleep 0.1
lua5.4 "$MM_TOP/tests/support/screen.lua" 14 60 <terminal.out >screen || fail "unknown output"
grep -q "^WORKER .*DOES" screen || fail "no table"
grep -q "^Waiter .* waits for Lock held by Holder" screen || fail "what it waits for is cut"
[ "$(sed -n 14p screen | grep -c "q quit")" = 1 ] || fail "the line of keys is not the last one"
terminal_type 'q'
terminal_close
if grep -q "${escape}\[[0-9;]*m" terminal.out; then fail "colours in spite of NO_COLOR"; fi
end
