#!/bin/sh
# SPDX-License-Identifier: MIT
# What a terminal shows of progress bars: they stand at its foot, at once and while nothing ends; what workers, print and
# other programs write stands whole above them; the last line of a bar says what became of its items. In a file there
# are lines.
set -eu
manymoons=$MM_BUILD/manymoons
. "$MM_TOP/tests/support/terminal.sh"
escape=$(printf '\033')

fail() {
  echo "${world:-}: $1"
  cat screen out err 2>/dev/null
  cat -v terminal.out 2>/dev/null | tail -c 3000
  exit 1
}
# on_terminal ROWS COLUMNS COMMAND: runs the command on a terminal of that size.
on_terminal() {
  terminal_rows=$1 terminal_columns=$2
  shift 2
  terminal_open "sh -c 'stty rows $terminal_rows cols $terminal_columns; exec env TERM=xterm $*'"
}
look() { lua5.4 "$MM_TOP/tests/support/screen.lua" $terminal_rows $terminal_columns <terminal.out >screen || fail "unknown output"; }
shows() { # PATTERN [N]: so many lines of the screen match
  [ "$(grep -c -e "$1" screen || true)" = "${2:-1}" ] || fail "the screen does not show '$1' ${2:-1} times"
}
ends() { # STATUS
  terminal_close
  [ "$terminal_status" = "$1" ] || fail "exit status $terminal_status"
  look
  shows "^margins 1 $terminal_rows$"
}

# go(): a function that waits in the library until the shell says go.
cat >gate.lua <<'EOF'
local mm = require("manymoons")
return function()
  local file
  repeat
    mm.sleep(0.02)
    file = io.open("go")
  until file
  file:close()
  os.remove("go")
end
EOF
go() { : >go; }

cat >list.lua <<'EOF'
local mm = require("manymoons")
local pool, list = mm.Pool(2), {}
for i = 1, 30 do list[i] = i end
pcall(pool.map, pool, function(i)
  print("print of item " .. i .. ".")
  io.write("written by " .. i .. ".\n")
  io.stderr:write("stderr of " .. i .. ".\n")
  if i % 10 == 0 then os.execute("echo a program of " .. i .. ".") end
  if i == 7 then error("on purpose") end
end, list, { progress = "squares" })
io.write("not a whole line")
pool:map(function() end, list, { progress = true, chunksize = 30 })
print("the end")
EOF
for world in serial async threads interpreters processes; do
  on_terminal 8 100 "$manymoons --world $world list.lua"
  terminal_expect "squares:   0 % [      "
  terminal_expect "the end"
  ends 0
  for i in 1 7 15 30; do
    shows "^print of item $i\.$"
    shows "^written by $i\.$"
    shows "^stderr of $i\.$"
  done
  shows "^a program of [123]0\.$" 3
  shows "^squares: 100 % \[####*\] 30/30  1 failed  .*/s  in "
  shows "^not a whole line$"
  shows "^100 % \[#*\] 30/30  .*/s  in .*  workers [0-9]* % busy$"
  grep -q "${escape}\[31m1 failed" terminal.out || fail "what failed has no colour"
done

# While nothing ends the bar counts the seconds; without a total there is no bar, and the end of the loop is told.
cat >waiting.lua <<'EOF'
local mm = require("manymoons")
for item in mm.progress({ "a", "b", "c" }, nil, "items") do
  print("item " .. item .. ", and the loop waits")
  if item == "a" then require("gate")() end
end
local left = 3
for n in mm.progress(function() left = left - 1 return left >= 0 and left or nil end) do print("left: " .. n) end
for _, what in ipairs({ "break", "error" }) do
  pcall(function()
    for i in mm.progress({ 1, 2, 3, 4 }, 4, what) do
      if i == 3 and what == "break" then break end
      if i == 3 then error("x") end
    end
  end)
  print("after " .. what)
end
EOF
for world in serial async threads interpreters processes; do
  on_terminal 10 80 "NO_COLOR=1 $manymoons --world $world waiting.lua"
  terminal_expect "items:   0 % [                   ] 0/3  0."
  terminal_expect "item a, and the loop waits"
  for _ in 1 2 3 4 5; do terminal_expect "0/3  "; done
  look
  shows "^items:   0 % \[ *\] 0/3  [0-9.]* s"
  shows "^margins 1 9$"
  go
  terminal_expect "after error"
  ends 0
  shows "^item [abc], and the loop waits$" 3
  shows "^items: 100 % \[####*\] 3/3  .*  in "
  shows "^3  .*  in "
  shows "^break:  50 % .* 2/4 .* stopped after "
  shows "^error:  50 % .* 2/4 .* stopped after "
  grep -q "${escape}\[[0-9;]*m" terminal.out && fail "colours in spite of NO_COLOR"
done

# Bars in a bar, in this VM and in a worker, each in its own row; they leave with their loops.
cat >nested.lua <<'EOF'
local mm = require("manymoons")
local gates = { inner = mm.Queue(), worker = mm.Queue() }
local p = mm.Process(function(gate)
  for _ in require("manymoons").progress({ 1, 2 }, nil, "of a worker") do gate:get() end
end, gates.worker)
for i in mm.progress({ 1, 2, 3 }, nil, "outer") do
  if i == 1 then p:start() end
  for j in mm.progress({ 1, 2, 3, 4 }, nil, "inner") do
    mm.sleep(0.01)
    if i == 2 and j == 3 then
      print("look")
      require("gate")()
    end
  end
end
gates.worker:put(1)
gates.worker:put(1)
p:join()
print("the end")
EOF
for world in threads interpreters processes; do
  on_terminal 12 80 "$manymoons --world $world nested.lua"
  terminal_expect "look"
  for _ in 1 2 3; do
    terminal_expect "inner:  50 %"
    terminal_expect "of a worker:   0 %"
  done
  look
  shows "^outer:  33 % .* 1/3 "
  shows "^inner:  50 % .* 2/4 "
  shows "^of a worker:   0 % .* 0/2 "
  shows "^margins 1 9$"
  go
  terminal_expect "the end"
  ends 0
  shows "^outer: 100 % .* 3/3 "
  shows "inner" 0
  shows "^look$"
done

# Ctrl-C: what was not done is not claimed to be.
cat >endless.lua <<'EOF'
local mm = require("manymoons")
local pool, list = mm.Pool(2), {}
for i = 1, 8 do list[i] = i end
pool:map(function(i)
  print("item " .. i)
  if i > 2 then require("manymoons").sleep(1000) end
end, list, { progress = "endless", chunksize = 1 })
EOF
for world in async threads interpreters processes; do
  on_terminal 20 100 "$manymoons --world $world endless.lua"
  terminal_expect "item 4"
  terminal_expect "endless:  25 % ["
  terminal_type '\003'
  ends 130
  shows "^endless:  25 % \[#* *\] 2/8  6 cancelled  .* stopped after "
done

# A terminal whose size changes, and one that is narrow.
world=resized
cat >resized.lua <<'EOF'
local mm = require("manymoons")
for i in mm.progress({ 1, 2, 3 }, nil, "resized") do
  local size = ({ "rows 10 cols 22", "rows 20 cols 100" })[i]
  if size then os.execute("stty " .. size .. " </dev/tty") end
  require("gate")()
end
EOF
on_terminal 10 60 "$manymoons resized.lua"
terminal_expect "resized:   0 % [              ] 0/3"
terminal_expect "resized: 0/3"
go
terminal_expect "${escape}[1;19r${escape}[20;1H"
terminal_expect "resized:  33 % [########                ] 1/3"
go
while [ -f go ]; do sleep 0.02; done
go
terminal_close
[ "$terminal_status" = 0 ] || fail "exit status $terminal_status"

# In a file: a line at the end, in every world; and no more than one in half a minute before it.
for world in serial async threads interpreters processes; do
  "$manymoons" --world $world list.lua >out 2>err || fail "in a file"
  [ "$(grep -c "^squares: 30/30  1 failed  .*  in .*  workers [0-9]* % busy$" err)" = 1 ] || fail "no line of the first list"
  [ "$(grep -c "^PoolWorker: 30/30  .*  in .*  workers [0-9]* % busy$" err)" = 1 ] || fail "no line of the second list"
  [ "$(grep -vc "^stderr of " err)" = 2 ] || fail "other lines"
done
