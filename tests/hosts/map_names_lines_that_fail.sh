#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons map: a line that fails is named, with its text, and counts for the exit status; the others go on, unless
# --halt says otherwise. Wrong use is named in a line.
set -eu
manymoons=$MM_BUILD/manymoons
. "$MM_TOP/tests/support/terminal.sh"
wrong=0
complain() { echo "$1"; wrong=1; }

# ends STATUS OUTPUT STDERR OPTIONS…: STDERR is a pattern of grep, "" for nothing.
ends() {
  wanted=$1 output=$2 pattern=$3
  shift 3
  status=0
  "$manymoons" map "$@" >out 2>err || status=$?
  [ $status = "$wanted" ] || complain "map $*: status $status"
  [ "$(tr '\n' ' ' <out)" = "$output" ] || complain "map $*: output: $(head -c 300 out)"
  if [ -z "$pattern" ]; then
    [ ! -s err ] || complain "map $*: stderr: $(cat err)"
  else
    grep -q "$pattern" err || complain "map $*: stderr: $(head -c 300 err)"
  fi
}

fails='if x == "3" then error("bad") end return x'
for world in serial async threads interpreters processes; do
  seq 1 5 | ends 1 '1 2 4 5 ' "^manymoons map: line 3 ('3'): code:1: bad$" --world $world "$fails"
  [ "$(wc -l <err)" = 1 ] || complain "more than one line on stderr in $world"
  seq 1 5 | ends 1 '1 2 4 5 ' "^manymoons map: line 3 ('3'): .*died (exit code 3)" --world $world \
    'if x == "3" then os.exit(3) end return x'
  seq 1 4 | ends 1 '1 2 4 ' "^manymoons map: line 3 ('3'): the call took longer than 0.1 s$" --world $world --timeout 0.1 \
    'if x == "3" then local stop = os.clock() + 1 while os.clock() < stop do require("manymoons").sleep(0.01) end end return x'
done
seq 1 5 | ends 1 '1 2 4 5 ' 'killed by signal 9' --world processes \
  'if x == "3" then os.execute("kill -9 " .. io.open("/proc/self/stat"):read("n")) end return x'
seq 1 200 | ends 100 '' "line 200 ('200')" 'error("x")'
[ "$(wc -l <err)" = 200 ] || complain "not each of 200 lines is named"
awk 'BEGIN { for (i = 0; i < 1000; i++) printf "a"; print "\033[31m" }' |
  ends 1 '' "line 1 ('a\{60\}…'): (error object is a table value)$" 'error({})'
printf 'a\n\033[1m\n' | ends 2 '' "line 2 ('[^']*\[1m')" 'error("x")'
if grep -q "$(printf '\033')" err; then complain "a line reaches the terminal as it is"; fi
seq 1 2 | ends 2 '' 'the result is a table; --json prints it' '{ x }'
printf '1\nnope\n' | ends 1 '1 ' "line 2 ('nope'): JSON: a value expected" --json 'v'
ends 1 '' "file 1 ('none'): .*No such file" --files 'for l in lines() do end' none
# A failed line runs again, wherever it fails.
seq 1 3 | ends 0 '1 2 3 ' '' --retries 2 'c = (c or 0) + 1 if x == "2" and c < 4 then error("no") end return x' -j1
seq 1 3 | ends 1 '1 3 ' 'line 2' --retries 1 'if x == "2" then error("no") end return x'
seq 1 3 | ends 0 '1 2 3 ' '' --retries 1 \
  'if x == "2" and not io.open("died") then io.open("died", "w"):close() os.exit(1) end return x'

# --halt.
at_five='if n == 5 then error("x") end return x'
seq 1 1000 | ends 1 '1 2 3 4 ' "^manymoons map: line 5" -j1 --halt now,fail=1 "$at_five"
seq 1 1000 | ends 1 '1 2 3 4 ' "^manymoons map: line 5" -j1 --halt soon,fail=1 "$at_five"
seq 1 1000 | ends 0 '1 2 3 4 5 6 7 ' halted -j1 --halt soon,done=7 x
seq 1 1000 | ends 4 '5 6 7 ' halted -j1 --halt soon,success=3 'if n < 5 then error("x") end return x'
seq 1 1000 | ends 3 "$(seq -s ' ' 1 20) " halted -j1 --halt soon,fail=10% 'if n > 20 then error("x") end return x'
yes | ends 1 '' "^manymoons map: line 2" -j2 --halt now,fail=1 \
  'if n == 2 then error("x") end while n == 1 do require("manymoons").sleep(0.01) end'
# soon: what runs has its end.
rm -f failed
printf '1\n2\n' | ends 1 '1 ' "^manymoons map: line 2" -j2 --halt soon,fail=1 \
  'if n == 2 then io.open("failed", "w"):close() error("x") end
   while not io.open("failed") do require("manymoons").sleep(0.01) end return x'

# Wrong use: 2. What keeps the run from going on: 255.
for words in "" "--frob x" "--halt often x" "--block none x" "-j 0 x" "-j x" "--timeout -1 x" "--world mars x" \
  "--files --block 1M x" "--resume x" "--pool p x" "--retries 1.5 x" "--reduce"; do
  # shellcheck disable=SC2086
  seq 1 3 | ends 2 '' '^manymoons map: .*(try --help)$' $words
  [ "$(wc -l <err)" = 1 ] || complain "map $words: more than one line: $(cat err)"
done
seq 1 3 | ends 2 '' '^manymoons map: code:1: .*near' 'x +'
seq 1 3 | ends 2 '' "^manymoons map: code:1: .*'end'" 'return 1 end function f()'
seq 1 3 | ends 2 '' '^manymoons map: --init:1: ' --init 'x =' x
seq 1 3 | ends 255 '' '^manymoons map: --init:1: boom' --init 'error("boom")' x
seq 1 3 | ends 255 '' '^manymoons map: --reduce:1: boom' --reduce 'error("boom")' x
ends 255 '' '^manymoons map: none: No such file or directory$' x none
seq 1 3 | ends 255 '' '^manymoons map: --joblog: ' --joblog no/folder x
"$manymoons" map --help | grep -q '^usage: manymoons map' || complain "no --help"
terminal_open "$manymoons map x"
terminal_expect "no input: standard input is a terminal"
terminal_close
[ "$terminal_status" = 2 ] || complain "input that is missing: status $terminal_status"
exit $wrong
