#!/bin/sh
# SPDX-License-Identifier: MIT
# Workers that print at once: each line arrives whole and once, whether stdout is a file or a pipe.
set -eu

cat >script.lua <<'END'
local mm = require("manymoons")
local pool = mm.Pool(4)
pool:map(function(i)
  for n = 1, 50 do print(i, n, ("x"):rep(n)) end
end, { 1, 2, 3, 4, 5, 6, 7, 8 })
pool:close()
pool:join()
print("end")
END

awk 'BEGIN { for (i = 1; i <= 8; i++) { s = ""; for (n = 1; n <= 50; n++) { s = s "x"; print i "\t" n "\t" s } }; print "end" }' |
  LC_ALL=C sort >wanted
for world in serial interpreters processes; do
  "$MM_BUILD/manymoons" --world $world script.lua >file
  "$MM_BUILD/manymoons" --world $world script.lua | cat >pipe
  for got in file pipe; do
    [ "$(tail -n 1 $got)" = end ] || echo "$world, to a $got: output of workers after the last line"
    LC_ALL=C sort $got | cmp -s - wanted || { echo "$world, to a $got:"; LC_ALL=C sort $got | diff - wanted | head -5; }
  done
done
