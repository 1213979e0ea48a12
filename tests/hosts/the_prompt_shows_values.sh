#!/bin/sh
# SPDX-License-Identifier: MIT
# What the prompt shows of results; print and piped scripts are as in lua5.4.
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
unset LUA_INIT LUA_INIT_5_4
export HOME="$here"
program=$MM_BUILD/manymoons
wrong=0

# shows LINE TEXT: the prompt that runs the line shows the text
shows() {
  printf '_PROMPT = ""\n%s\n' "$1" | "$program" -i >out 2>&1
  sed '1,/^> _PROMPT/d' out | tail -n +2 >shown # without the lines typed
  printf '%s\n\n' "$2" | cmp -s - shown && return
  printf '%s\n' "$1"
  cat shown
  wrong=1
}

shows '1, 2.5, nil, true, "x"' '1	2.5	nil	true	"x"'
shows '"a\n\"\\\0\27\255é"' '"a\n\"\\\x00\x1b\xffé"'
shows '{}' '{}'
shows '{1, 2, "three", x = 1, ["two words"] = 2, ["end"] = 3, [9] = 4, [true] = 5}' \
  '{1, 2, "three", [9] = 4, ["end"] = 3, ["two words"] = 2, x = 1, [true] = 5}'
shows '{{{1}}, {{}}, a = {b = {c = 1}, d = 2}}' '{{{...}}, {{}}, a = {b = {...}, d = 2}}'
shows 'setmetatable({x = 1}, {__name = "Point"})' 'Point {x = 1}'
shows 'setmetatable({x = 1}, {__tostring = function() return "one\ntwo" end})' 'one
two'
shows '{setmetatable({x = 1}, {__tostring = function() return "one\ntwo" end})}' '{one...}'
shows 'setmetatable({}, {__tostring = function() error("oh", 0) end})' '<table: error in __tostring: oh>'
shows 'setmetatable({}, {__tostring = function() return {} end, __name = "N"})' \
  "<N: error in __tostring: '__tostring' must return a string>"
shows 'setmetatable({}, {__index = error, __pairs = error, __len = error, __name = 7})' '{}'
shows 'function() end' 'function <stdin:1>'
shows '{("x"):rep(300)}' "{
  \"$(printf '%0200d' 0 | tr 0 x)\"... 100 more bytes
}"
shows 'require("manymoons").Lock(), require("manymoons").Array("i32", 4)' 'Lock: free	Array: 4 of i32'
shows 'mm == require("manymoons"), mm.Pool(1):submit(math.abs, -1):get()' 'true	1'

# Each is cut with a count; the keys are in order, whatever the table's own is.
many=$(printf 't = {} for i = 1, 300 do t[("k%%03d"):format(i)] = i end for i = 1, 3 do t[i] = -i end\nt\n' | "$program" -i 2>&1)
case $many in
  *'{
  -1, -2, -3,
  k001 = 1,
  k002 = 2,'*'  k097 = 97,
  ... 203 more
}'*) ;;
  *) echo "a long table: $many"; wrong=1 ;;
esac

# A cycle, a script's own print, and locals, which end with their line.
out=$(printf 't = {} t.t = t t.u = {t}\nt\n' | "$program" -i 2>&1)
case $out in *'{t = <cycle>, u = {<cycle>}}'*) ;; *) echo "a cycle: $out"; wrong=1 ;; esac
out=$(printf 'print("x", {} ~= nil)\nprint = function(...) io.write("own ", ..., "\\n") end\n"x"\n' | "$program" -i 2>&1)
case $out in *'x	true'*'own x'*) ;; *) echo "print: $out"; wrong=1 ;; esac
out=$(printf 'do local x = 1 end\nlocal count = 1\nlocal function f() end\ncount\n' | "$program" -i 2>&1 >/dev/null)
[ "$out" = "note: the local 'count' ends with its line; without 'local' it stays" ] || { echo "locals: $out"; wrong=1; }

# Piped input is a script, as for lua5.4.
for text in 'print("x", 1)' 'return 1' '1 + 1' 'local x = 1' 'error("oh")' 'print(mm)' 'print(...)'; do
  ours=$(printf '%s\n' "$text" | "$program" 2>&1)
  our_status=$?
  lua=$(printf '%s\n' "$text" | lua5.4 2>&1)
  [ "$our_status" = $? ] || { echo "$text: exit status $our_status"; wrong=1; }
  [ "$(echo "$ours" | sed 's/^manymoons:/lua5.4:/')" = "$lua" ] || { echo "$text: $ours"; wrong=1; }
done
exit $wrong
