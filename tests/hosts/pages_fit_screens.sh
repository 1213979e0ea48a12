#!/bin/sh
# SPDX-License-Identifier: MIT
# Every page at 360, 400, 768 and 1280 pixels: nothing lies on anything else, bars lie, names stand above their lanes in a
# narrow window, dots are inside of their bars, tables can be scrolled by keyboard, and the right third is used. Skipped
# without chromium.
set -eu
support=$MM_TOP/tests/support
for kind in few sweep chunks flames wrong; do
  "$MM_BUILD/manymoons" "$support/page/make_page.lua" "$support/page" $kind.html trace.json $kind
done
cat >work.lua <<'END_OF_LUA'
local mm = require("manymoons")
local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + i % 7 end
  return sum
end
mm.Pool(2):map(function(x) return (crunch(400000 + x)) end, { 1, 2, 3, 4 }, { chunksize = 1 })
END_OF_LUA
"$MM_BUILD/manymoons" --world interpreters trace --html trace.html work.lua 2>/dev/null
"$MM_BUILD/manymoons" --world interpreters profile -o profile.html work.lua 2>/dev/null
"$MM_BUILD/manymoons" --world threads profile -o threads.html work.lua 2>/dev/null
"$MM_BUILD/manymoons" profile --diff profile.html threads.html 2>/dev/null
cp "$support/page/boxes.html" .
pages=few.html,sweep.html,chunks.html,flames.html,wrong.html,trace.html,profile.html,diff.html
status=0
"$support/browse" "boxes.html#$pages" --allow-file-access-from-files --virtual-time-budget=30000 || status=$?
[ $status = 0 ] || exit $status
sed 's/.*<pre id="probe">//; s/<\/pre>.*//' dom.txt | grep '^probe' >lines.txt || true
if [ -s console.txt ] || grep -v ': 0 wrong$' lines.txt; then
  cat console.txt
  exit 1
fi
[ "$(wc -l <lines.txt)" = 32 ] || { echo "not all pages were measured"; cat lines.txt; exit 1; }
