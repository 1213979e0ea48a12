#!/bin/sh
# SPDX-License-Identifier: MIT
# Ctrl-C ends manymoons compare and the programs that it measures: one message, exit status 130, and
# no process is left, which the test runner checks.
set -eu

cat >endless.lua <<'END'
local mm = require("manymoons")
mm.Pool(2):map(function() while true do end end, { 1, 2 })
END

for world in serial threads interpreters processes; do
  status=0
  timeout --foreground --preserve-status --signal=INT 1 \
    "$MM_BUILD/manymoons" compare --worlds $world endless.lua >out 2>&1 || status=$?
  [ "$status" = 130 ] && [ "$(cat out)" = "manymoons: interrupted" ] && continue
  echo "$world: exit status $status, and this was printed:"
  cat out
  exit 1
done
