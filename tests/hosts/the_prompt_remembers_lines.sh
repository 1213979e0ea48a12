#!/bin/sh
# SPDX-License-Identifier: MIT
# The history of the prompt over sessions: its file, two prompts at once, and what stands in its way.
set -u
. "$MM_TOP/tests/support/prompt.sh"
export HOME="$here/home"
umask 022
program=$MM_BUILD/manymoons
fail() { echo "$1"; exit 1; }

# session [NAME=VALUE…] PROGRAM, and what is typed there
session() {
  terminal_open "$1"
  terminal_expect '> '
  shift
  for line; do
    terminal_type "$line\\r"; terminal_expect '> '
  done
  terminal_type '\004'
  terminal_close
  [ "$terminal_status" = 0 ] || fail "exit status $terminal_status"
}

file=$here/home/.local/state/manymoons/history
mkdir home
session "$program" '"one"' '"one"' '' '   ' 'kept = 2'
terminal_open "$program"
terminal_expect '> '
terminal_type 'for i = 4, 4 do\r'; terminal_expect '>> '
terminal_type '\tio.write("<", i, ">\\n")\r'; terminal_expect '>> '
terminal_type 'end\r'; terminal_expect '<4>'; terminal_expect '> '
terminal_type 'os.exit(0)\r'
terminal_close
[ "$(stat -c %a "$file")" = 600 ] || fail "its mode is $(stat -c %a "$file")"
[ "$(stat -c %a "${file%/*}")" = 700 ] || fail "the folder's mode is $(stat -c %a "${file%/*}")"
[ "$(head -n 3 "$file")" = '"one"
kept = 2
for i = 4, 4 do' ] || fail "the file: $(cat "$file")"

# Ctrl-P recalls statements of earlier sessions, of several lines as a whole, with each editor.
mkdir no_readline
: >no_readline/libreadline.so.8
for command in "$program" "LD_LIBRARY_PATH=$here/no_readline $program"; do
  terminal_open "$command"
  terminal_expect '> '
  terminal_type '\020\020'; terminal_expect 'for i'; terminal_type '\r'; terminal_expect '<4>'; terminal_expect '> '
  terminal_type 'os.exit(0)\r'
  terminal_close
done

# Elsewhere, and nowhere.
session "XDG_STATE_HOME=$here/state $program" 'elsewhere = 1'
grep -q elsewhere state/manymoons/history || fail "XDG_STATE_HOME"
session "XDG_STATE_HOME=relative $program" 'relative = 1'
grep -q 'relative = 1' "$file" || fail "a relative XDG_STATE_HOME counts for nothing"
session "MANYMOONS_HISTORY=$here/own/file $program" 'own = 1'
grep -q 'own = 1' own/file || fail "MANYMOONS_HISTORY"
lines=$(wc -l <"$file")
session "MANYMOONS_HISTORY= $program" 'off = 1'
[ "$(wc -l <"$file")" = "$lines" ] || fail "an empty MANYMOONS_HISTORY turns it off"

# What stands in its way is not said.
: >blocked
mkfifo fifo
for place in "$here/blocked/history" "$here/fifo" "$here" /proc/history /dev/full; do
  session "MANYMOONS_HISTORY=$place $program" '"works"'
  tail -n +3 terminal.out | tr -d '\r' | grep -v -e '^> ' -e '^"works"$' -e '^$' && fail "$place: a message"
done

# Bounded: the last lines remain.
mkdir -p bounded
i=0
while [ $i -lt 9000 ]; do i=$((i + 1)); echo "line_number_$i = \"some text that makes it longer\""; done >bounded/history
session "MANYMOONS_HISTORY=$here/bounded/history $program" 'last = 1'
[ "$(wc -c <bounded/history)" -le 262144 ] || fail "it grows without bound"
[ "$(tail -n 2 bounded/history | cut -d' ' -f1)" = 'line_number_9000
last' ] || fail "its end: $(tail -n 2 bounded/history)"
head -n 1 bounded/history | grep -q '^line_number' || fail "its begin: $(head -n 1 bounded/history)"

# Prompts that end at once lose nothing.
for n in 1 2 3 4; do
  mkdir "at_once_$n"
  (
    cd "at_once_$n" || exit
    session "XDG_STATE_HOME=$here/at_once $program" "first_of_$n = 1" "second_of_$n = 1"
  ) &
done
wait
for n in 1 2 3 4; do
  [ "$(grep -c "_of_$n = 1" at_once/manymoons/history)" = 2 ] || fail "of $n: $(cat at_once/manymoons/history)"
done
[ "$(find at_once bounded -type f | wc -l)" = 2 ] || fail "files are left: $(find at_once bounded -type f)"
