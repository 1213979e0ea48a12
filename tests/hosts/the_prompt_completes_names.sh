#!/bin/sh
# SPDX-License-Identifier: MIT
# Tab completes globals, fields, methods and the names of the library, with each line editor, and runs no code of the
# script.
set -u
. "$MM_TOP/tests/support/prompt.sh"
program=$MM_BUILD/manymoons

# completes LINE TEXT: the line, which has \t, shows the text when it was run
completes() {
  terminal_type "$1\\r"; terminal_expect "$2"; terminal_expect '> '
}

complete_all() {
  terminal_open "$1"
  terminal_expect '> '
  completes 'string.form\t("<%d>", 7)' '"<7>"'
  completes 'tostr\t(8) .. "-"' '"8-"'
  completes '#("abc"):upp\t() + 20' '23'
  completes 'mm.cpu_c\t() > 0, "cpus"' 'true	"cpus"'
  completes 'mm.Joinable\t ~= nil, "world"' 'true	"world"'
  completes 'mm.threads.Joinable\t ~= nil, "named"' 'true	"named"'
  completes 'retu\t "word"' '"word"'
  completes 'text = "abc"; deep = {inner = {{leaf = "lea" .. "f"}}, ["a key"] = {other = "oth" .. "er"}}; _G["not a name"] = 1' ''
  completes 'text:rev\t()' '"cba"'
  completes 'deep.inn\t[1].le\t' '"leaf"'
  completes 'deep["a key"].oth\t' '"other"'
  completes 'queue, pool, barrier, value = mm.Queue(), mm.Pool(1), mm.Barrier(1), mm.Value("i32", 9)' ''
  completes 'queue:put_no\t("item")' 'true'
  completes 'pool:appl\t\003' ''
  completes 'pool:terminate()' ''
  completes 'barrier.part\t' '1'
  completes 'value:exch\t(3)' '9'
  completes 'process = mm.Process(print)' ''
  completes 'process.daem\t' 'false'
  # Classes, and tables whose metatables would call the script.
  completes 'Base = {greet = function() return "gre" .. "eted" end}; Base.__index = Base; object = setmetatable({}, Base)' ''
  completes 'object:gre\t()' '"greeted"'
  completes 'loud = setmetatable({field = "fie" .. "ld"}, {__index = function() print("cal" .. "led") end, __pairs = error})' ''
  completes 'loud.fie\t' '"field"'
  completes 'loud.none.mor\t\003' ''
  # Nothing in strings and comments.
  completes '"tostr\t", "stays"' '"tostr"	"stays"'
  completes '1 -- tostr\t' '1'
  # Tab indents a further line.
  terminal_type 'do\r'; terminal_expect '>> '
  terminal_type '\tio.write("ind", "ented\\n")\r'; terminal_expect '>> '
  terminal_type 'end\r'; terminal_expect 'indented'; terminal_expect '> '
  terminal_type '\004'
  terminal_close
  [ "$terminal_status" = 0 ] || { echo "$1: exit status $terminal_status"; exit 1; }
  ! grep -q "called" terminal.out || { echo "$1: code of the script ran"; exit 1; }
}

mkdir no_readline
: >no_readline/libreadline.so.8
complete_all "$program"
complete_all "LD_LIBRARY_PATH=$here/no_readline $program"
