#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons map --joblog --resume: lines that an earlier run has printed do not run again, also after kill -9.
set -eu
manymoons=$MM_BUILD/manymoons
wrong=0
complain() { echo "$1"; wrong=1; }

# The columns of GNU parallel.
seq 11 16 | "$manymoons" map --joblog log 'if n == 3 then error("no") end return x' >out 2>err && complain "no failure"
[ "$(head -n 1 log)" = "$(printf 'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand')" ] ||
  complain "the columns: $(head -n 1 log)"
[ "$(tail -n +2 log | cut -f 1,5,6,7,8,9 | tr '\t\n' ' ;')" = \
  '1 2 3 0 0 11;2 2 3 0 0 12;3 2 0 1 0 13;4 2 3 0 0 14;5 2 3 0 0 15;6 2 3 0 0 16;' ] || complain "the log: $(cat log)"
seq 11 18 | "$manymoons" map --joblog log --resume x >out
[ "$(cat out)" = "$(printf '17\n18')" ] || complain "--resume: $(cat out)"
seq 11 18 | "$manymoons" map --joblog log --resume x >out
[ ! -s out ] || complain "all is done, but: $(cat out)"
seq 11 18 | "$manymoons" map --joblog log --resume-failed x >out
[ "$(cat out)" = 13 ] || complain "--resume-failed: $(cat out)"
seq 11 20 | "$manymoons" map --joblog log --resume --dry-run x >out
[ "$(cat out)" = "$(printf '9\t19\n10\t20')" ] || complain "--dry-run shows what is left: $(cat out)"
seq 1 3 | "$manymoons" map --world processes --joblog log 'if n == 2 then os.exit(7) end return x' >out 2>err || true
[ "$(cut -f 1,7 log | tail -n +2 | tr '\t\n' ' ;')" = '1 0;2 7;3 0;' ] || complain "a log begins anew: $(cat log)"
# Pieces are the same ones in each run, whatever comes when.
seq 1 20000 >lines
"$manymoons" map --block 4k --joblog blocks --halt soon,done=5 x <lines >first 2>err
{ head -n 10 lines; sleep 0.1; tail -n +11 lines; } | "$manymoons" map --block 4k --joblog blocks --resume x >rest
cat first rest | cmp - lines || complain "pieces are not resumed"

# Killed in the middle: each line is printed, and the log has each once.
for world in interpreters processes; do
  rm -f log reached first second
  code='if n == 700 and not io.open("second") then io.open("reached", "w"):close() require("manymoons").sleep(1000) end return x'
  seq 1 1000 | "$manymoons" map -j2 --world $world --joblog log "$code" >first 2>err &
  pid=$!
  while [ ! -e reached ]; do sleep 0.01; done
  kill -9 $pid
  wait $pid 2>/dev/null || true
  touch second
  printf '7' >>log # an entry that the killed program had not finished
  seq 1 1000 | "$manymoons" map -j2 --world $world --joblog log --resume "$code" >>first 2>err ||
    complain "the resumed run fails in $world: $(cat err)"
  seq 1 1000 >all
  sort -nu first | cmp -s - all || complain "lines are lost in $world"
  [ "$(grep -c "$(printf '\t:\t')" log)" = 1000 ] || complain "the log has not each line once in $world"
done
exit $wrong
