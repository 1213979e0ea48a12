#!/bin/sh
# SPDX-License-Identifier: MIT
# The REPL on a terminal: input, output and Ctrl-C, with each line editor and without one.
#
# An empty file with the name of a library, first on the library path, makes the library unusable.
set -u
. "$MM_TOP/tests/support/prompt.sh"

# It prints values with any line editor.
converse() {
  terminal_open "$1"
  terminal_expect 'manymoons '
  terminal_expect '> '
  terminal_type '40 + 2\r'; terminal_expect '42'; terminal_expect '> '
  terminal_type '=1, nil, "x"\r'; terminal_expect '1	nil	"x"'; terminal_expect '> '
  terminal_type 'for i = 7, 8 do\r'; terminal_expect '>> '
  terminal_type 'io.write("<", i, ">")\r'; terminal_expect '>> '
  terminal_type 'end\r'; terminal_expect '<7><8>'; terminal_expect '> '
  terminal_type 'local a = = 1\r'; terminal_expect "stdin:1: unexpected symbol near '='"; terminal_expect '> '
  terminal_type 'error("oh")\r'; terminal_expect 'stdin:1: oh'; terminal_expect 'stack traceback'; terminal_expect '> '
  terminal_type '_PROMPT = "moo" .. "n$ "\r'; terminal_expect 'moon$ '
  terminal_type 'require("manymoons").serial.Pool(1):apply(math.abs, -19)\r'; terminal_expect '19'; terminal_expect 'moon$ '
}

# Ctrl-C drops a line or an unfinished statement, and stops code that runs or waits; the REPL goes
# on.
interrupt() {
  terminal_type 'kept = 5 half a line'; terminal_expect 'half a line'
  terminal_type '\003'; terminal_expect 'moon$ '
  terminal_type 'kept = 6 + (\r'; terminal_expect '>> '
  terminal_type '\003'; terminal_expect 'moon$ '
  terminal_type '"kept", kept\r'; terminal_expect '"kept"	nil'; terminal_expect 'moon$ '
  terminal_type 'io.write("loo", "ps\\n") while true do pcall(error) end\r'; terminal_expect 'loops'
  terminal_type '\003'; terminal_expect 'interrupted'; terminal_expect 'moon$ '
  terminal_type 'io.write("wai", "ts\\n") require("manymoons").sleep(1000)\r'; terminal_expect 'waits'
  terminal_type '\003'; terminal_expect 'interrupted'; terminal_expect 'moon$ '
  terminal_type '6 * 7\r'; terminal_expect '42'; terminal_expect 'moon$ '
}

# Ctrl-P recalls the previous line.
recall() {
  terminal_type 'string.rep("again", 2)\r'; terminal_expect '"againagain"'; terminal_expect 'moon$ '
  terminal_type '\020'; terminal_expect 'string.rep'
  terminal_type '\r'; terminal_expect '"againagain"'; terminal_expect 'moon$ '
}

# With readline: Alt-Enter, and a pasted text, are one statement.
write_lines() {
  terminal_type 'local first = "al" .. "t"\033\rio.write(first, "-enter\\n")\r'; terminal_expect 'alt-enter'; terminal_expect 'moon$ '
  terminal_type '\033[200~local text = "pas" .. "ted"\nio.write(text, " once\\n")\033[201~\r'
  terminal_expect 'pasted once'; terminal_expect 'moon$ '
}

finish() {
  terminal_type '\004'
  terminal_close
  [ "$terminal_status" = 0 ] || { echo "$1: exit status $terminal_status"; exit 1; }
}

mkdir no_readline no_editor
: >no_readline/libreadline.so.8
: >no_editor/libreadline.so.8
: >no_editor/libedit.so.2

program="$MM_BUILD/manymoons"
for editor in readline libedit none; do
  case $editor in
    readline) command=$program ;;
    libedit) command="LD_LIBRARY_PATH=$here/no_readline $program" ;;
    none) command="LD_LIBRARY_PATH=$here/no_editor $program" ;;
  esac
  converse "$command"
  interrupt
  [ $editor = none ] || recall
  [ $editor = readline ] && write_lines
  finish "$editor"
done

# With -i the REPL reads lines also if input is no terminal.
out=$(printf 'for i = 3, 3 do\nprint(i) end\n_PROMPT = ""\n=kept\n' | "$program" -i -e 'kept = "kept"')
case $out in
  *'> for i = 3, 3 do'*'>> print(i) end'*3*'=kept'*'"kept"') ;; # the lines too, as readline has it
  *) echo "-i from a pipe: $out"; exit 1 ;;
esac
