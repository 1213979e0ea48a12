#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons compare on a terminal: a bar with the time that is left while it runs, then the answer and the table in
# colours, unless NO_COLOR says otherwise. In a file neither.
set -eu
# shellcheck source=tests/support/terminal.sh
. "$MM_TOP/tests/support/terminal.sh"
escape=$(printf '\033')

fail() {
  echo "$1"
  cat -v terminal.out
  exit 1
}

echo 'for i = 1, 100000 do math.sqrt(i) end' >small.lua
terminal_open "TERM=xterm $MM_BUILD/manymoons compare --worlds serial,threads --runs 2 --warmup 0 small.lua"
terminal_expect "] 0 of 4 serial: run 1"
terminal_expect "] 1 of 4 threads: run 1  about "
terminal_expect " left"
terminal_expect "cpu wait"
terminal_close
[ "$terminal_status" = 0 ] || fail "exit status $terminal_status"
grep -q "${escape}\[33m[a-z]" terminal.out || fail "the doubt has no colour"
grep -q "${escape}\[2mworld" terminal.out || fail "the titles have no colour"

terminal_open "TERM=xterm NO_COLOR=1 $MM_BUILD/manymoons compare --worlds serial,threads --runs 2 --warmup 0 small.lua"
terminal_expect "cpu wait"
terminal_close
if grep -q "${escape}\[[0-9]*m" terminal.out; then fail "colours in spite of NO_COLOR"; fi
