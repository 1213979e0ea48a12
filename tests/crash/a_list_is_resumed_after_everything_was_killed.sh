#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 of everything at any instant while a list with resume = "file" runs, and again, until it is done: each item
# stands in the file once, and the results are right.
set -eu

ITEMS=60

# Items behind the limit wait for ever, so that the host ends in its last round alone.
cat >host.lua <<'END'
local mm = require("manymoons")
local list, limit = {}, tonumber(arg[2])
for i = 1, tonumber(arg[1]) do list[i] = i end
_G.limit = limit
local function work(x)
  while x > _G.limit do require("manymoons").sleep(60) end
  return { square = x * x, text = ("x"):rep(x) }
end
local results = mm.Pool(2):map(work, list, { resume = "journal" })
for i = 1, #list do assert(results[i].square == i * i and #results[i].text == i) end
os.exit(42)
END

# Lines that are whole, without the head.
count() { grep -c '^[0-9].*	\.$' journal || true; }

for world in serial async threads interpreters processes; do
  : >journal
  for round in 1 2 3 4; do
    "$MM_BUILD/manymoons" --world $world host.lua $ITEMS $((round * 13)) &
    host=$!
    # The results of the last ones may come, or be written, while the host is killed.
    while [ "$(count)" -lt $((round * 13 - 4)) ]; do sleep 0.005; done
    kill -KILL $host
    code=0
    wait $host 2>gone || code=$?
    [ $code -eq 137 ] || echo "$world: the host ended with $code"
    # What the kill may have cut.
    case $round in
      1) printf '7\tjson\t4' >>journal ;;
      2) printf '8' >>journal ;;
      3) printf '\n' >>journal ;;
    esac
  done
  code=0
  "$MM_BUILD/manymoons" --world $world host.lua $ITEMS $ITEMS || code=$?
  [ $code -eq 42 ] || echo "$world: the last host ended with $code"
  places=$(grep '^[0-9].*	\.$' journal | cut -f1 | sort -n | tr '\n' ' ')
  [ "$places" = "$(seq -s ' ' 1 $ITEMS) " ] || echo "$world: the file has $places"
  rm journal
done
