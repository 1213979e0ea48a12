#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of everything at any instant while a list with resume = "file" runs, and again, until it is done: each item
# stands in the file once, and the results are right.
set -eu

ITEMS=60

cat >host.lua <<'END'
local mm = require("manymoons")
local list = {}
for i = 1, tonumber(arg[1]) do list[i] = i end
local results = mm.Pool(2):map(function(x)
  require("manymoons").sleep(0.001)
  return { square = x * x, text = ("x"):rep(x) }
end, list, { resume = "journal" })
for i = 1, #list do assert(results[i].square == i * i and #results[i].text == i) end
os.exit(42)
END

lines() { wc -l <journal; }

for world in serial async threads interpreters processes; do
  : >journal
  round=0
  while :; do
    before=$(lines)
    "$MM_BUILD/manymoons" --world $world host.lua $ITEMS &
    host=$!
    # A round ends when the file has grown, or the host has.
    while [ "$(lines)" -le $((before + 10 + round)) ] && kill -0 $host 2>gone; do sleep 0.005; done
    kill -KILL $host 2>gone || true
    code=0
    wait $host 2>gone || code=$?
    [ $code -ne 42 ] || break
    [ $code -eq 137 ] || echo "$world: the host ended with $code"
    # What the kill may have cut.
    case $((round % 3)) in
      0) printf '7\tjson\t4' >>journal ;;
      1) printf '8' >>journal ;;
    esac
    round=$((round + 1))
  done
  [ $round -ge 2 ] || echo "$world: only $round kills"
  places=$(grep '	\.$' journal | tail -n +2 | cut -f1 | sort -n | tr '\n' ' ')
  [ "$places" = "$(seq -s ' ' 1 $ITEMS) " ] || echo "$world: the file has $places"
  rm journal
done
