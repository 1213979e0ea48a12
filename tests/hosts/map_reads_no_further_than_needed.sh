#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons map: while a line keeps the others waiting, little is read, whatever the size of the input; a reader that
# ends, and Ctrl-C, end it at once; a line that is there is answered although no other follows.
set -eu
manymoons=$MM_BUILD/manymoons
wrong=0
complain() { echo "$1"; wrong=1; }

# Writes up to 64 MB, and how much of it the pipe took so far.
cat >producer.lua <<'END2'
local piece = (("x"):rep(99) .. "\n"):rep(160)
for i = 1, 4000 do
  io.write(piece)
  io.flush()
  local file = io.open("count.new", "w")
  file:write(i * #piece)
  file:close()
  os.rename("count.new", "count")
  if io.open("enough") then break end
end
END2
# Line 1 ends when nothing was read for a while: on a busy machine that may be early, and then less was read.
code='if n > 1 then return end
local mm, last, since = require("manymoons"), 0, 0
while since < 30 do
  mm.sleep(0.01)
  local file = io.open("count")
  local count = file and file:read("n") or 0
  if file then file:close() end
  if count == last then since = since + 1 else last, since = count, 0 end
end
io.open("enough", "w"):close()
return last'
for options in "-j1" "-j4" "-j2 --world processes" "-j2 --block 64k" "-j2 --chunksize 1"; do
  rm -f count enough
  # shellcheck disable=SC2086
  "$manymoons" producer.lua | "$manymoons" map $options "$code" >out
  [ "$(cat out)" -lt 12000000 ] || complain "map $options reads ahead $(cat out) bytes"
done

# Its reader ends: quietly, though the input never does.
for world in serial threads interpreters processes; do
  yes | { "$manymoons" --world $world map x 2>err || true; } | head -n 2 >out
  [ "$(cat out)" = "$(printf 'y\ny')" ] && [ ! -s err ] || complain "a reader that ends, in $world: $(cat out err)"
done
# Where only the code itself prints, too.
for world in interpreters processes; do
  yes | { "$manymoons" --world $world map 'print(x)' 2>err || true; } | head -n 1 >out
  [ "$(cat out)" = y ] && [ ! -s err ] || complain "a reader of what the code prints that ends, in $world: $(cat out err)"
done
# The same where SIGPIPE is ignored.
yes | { trap '' PIPE; "$manymoons" map x 2>err || true; } | head -n 2 >out
[ ! -s err ] || complain "a reader that ends, without SIGPIPE: $(cat err)"

# A line is answered before the next one comes.
mkfifo questions answers
for world in serial async threads interpreters processes; do
  "$manymoons" map --world $world 'x + 1' <questions >answers 2>err &
  exec 3>questions 4<answers
  for i in 1 5 9; do
    echo $i >&3
    read -r answer <&4
    [ "$answer" = $((i + 1)) ] || complain "$i is answered with $answer in $world"
  done
  exec 3>&- 4<&-
  wait $! || complain "an input that comes line by line fails in $world: $(cat err)"
done

# Ctrl-C.
for code in 'while true do end' 'require("manymoons").sleep(1000)'; do
  rm -f ready
  mkfifo ready
  yes | env --default-signal=INT "$manymoons" map -j1 "if n == 1 then io.open('ready', 'w'):close() end $code" >out 2>err &
  read -r _ <ready || true
  kill -INT $!
  status=0
  wait $! || status=$?
  [ $status = 130 ] || complain "Ctrl-C: status $status"
  [ "$(cat err)" = 'manymoons: interrupted' ] || complain "Ctrl-C: $(cat err)"
done
exit $wrong
