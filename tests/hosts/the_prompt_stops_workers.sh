#!/bin/sh
# SPDX-License-Identifier: MIT
# Ctrl-C of a call at the prompt stops what the call began, in each world; what was there before goes on. While the prompt
# waits, other threads run.
set -u
. "$MM_TOP/tests/support/prompt.sh"
program=$MM_BUILD/manymoons

run() { terminal_type "$1\\r"; terminal_expect '> '; }
interrupt() { # CALL
  terminal_type "$1\\r"; terminal_expect 'beg''ins'; terminal_type '\003'; terminal_expect 'interrupted'; terminal_expect '> '
}
still_works() { terminal_type 'pool:map(math.abs, {-41, -42})[2] + 100\r'; terminal_expect '142'; terminal_expect '> '; }

for world in async threads interpreters processes; do
  terminal_open "$program --world $world"
  terminal_expect '> '
  run 'loop = function() io.write("beg", "ins\\n") while true do end end'
  run 'pool = mm.Pool(2)'
  interrupt 'pool:map(loop, {1, 2, 3, 4, 5, 6, 7, 8})'
  still_works
  interrupt 'pool:map(loop, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {chunksize = 1})'
  still_works
  interrupt 'for r in pool:imap(loop, {1, 2, 3, 4, 5, 6, 7}) do end'
  still_works
  interrupt 'pool:submit(loop):get()'
  still_works
  interrupt 'mm.Pool(2):map(loop, {1, 2})'
  interrupt 'process = mm.Process(loop); process:start(); process:join()'
  terminal_type '"code", process.exitcode\r'; terminal_expect '"code"	-15'; terminal_expect '> '
  # A call of an earlier line is not this one's.
  run 'earlier = pool:submit(function() mm.sleep(0.3) return "ear" .. "lier" end)'
  [ $world = async ] || interrupt 'loop()'
  terminal_type 'earlier:get()\r'; terminal_expect '"earlier"'; terminal_expect '> '
  terminal_type '\004'
  terminal_close
  [ "$terminal_status" = 0 ] || { echo "$world: exit status $terminal_status"; exit 1; }
done

terminal_open "$program"
terminal_expect '> '
run 'done = mm.threads.Event()'
run 'mm.threads.Process(function() mm.sleep(0.1) io.write("while ", "it waits\\n") io.flush() end):start()'
terminal_expect 'while it waits'
terminal_type '\004'
terminal_close
