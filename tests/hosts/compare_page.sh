#!/bin/sh
# SPDX-License-Identifier: MIT
# The page of manymoons compare --html in a browser: no errors; bars, dots and lanes; zoom, theme
# and tooltip work; without JavaScript the figures are shown. Skipped without chromium.
set -eu
browser=$(command -v chromium || true)
[ -n "$browser" ] || { echo "no chromium here: tests/support/setup browser installs it"; exit 77; }
support=$MM_TOP/tests/support/page

# make KIND: writes page.html, and probed.html, which is the same with the probe appended.
make() {
  "$MM_BUILD/manymoons" "$support/make_page.lua" "$support" page.html trace.json "$1"
  cat page.html "$support/probe.html" >probed.html
}

# browse FILE [option…]: writes its final DOM to dom.txt and its errors to console.txt.
browse() {
  file=$1
  shift
  # The profile is in the test's folder, which the runner removes.
  "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-breakpad \
    --user-data-dir="$PWD/profile" --host-resolver-rules='MAP * ~NOTFOUND' --window-size=1280,1600 \
    --virtual-time-budget=4000 --enable-logging=stderr --dump-dom "$@" "file://$PWD/$file" >dom.txt 2>log.txt || {
    cat log.txt
    exit 1
  }
  grep CONSOLE log.txt >console.txt || true
}

fail() {
  echo "$1"
  cat console.txt
  grep '^probe \|id="probe"' dom.txt || true
  exit 1
}

# expect LINE…: checks the lines that the probe printed; each argument is a pattern for a whole
# line.
expect() {
  [ ! -s console.txt ] || fail "the console has something"
  for pattern in "$@"; do
    sed 's/.*<pre id="probe">//; s/<\/pre>.*//' dom.txt | grep -Eqx "probe $pattern" ||
      fail "the probe does not say '$pattern'"
  done
}

works="barPixels: true|holdPixels: true|waitPixels: true|wheelZooms: true|wheelIsCloser: true|dragMoves: true|keyMoves: true"
works="$works|keyZooms: true|resetShowsAll: true|isWhole: true|markZooms: true|markIsTenth: true|tooltipShows: true"
works="$works|theme: light to dark|paperChanges: true|holdPixelsInDark: true|worldCanBeHidden: true"

make few
browse probed.html
old=$IFS
IFS='|'
# shellcheck disable=SC2086
expect $works "bars: 4" "dots: 28" "lanes: 15" "spans: [1-9][0-9]*" "scaling: 0" "laneRows: 16" "hasNumbers: true" "bestRows: 1" "chunkCurves: 0" \
  "mainLane: 8 cells: serial, MainProcess, 1, 160 ms, 100 %, 0 %, 0 %, 0 %" \
  "tooltip: MainProcess in serial; holds the lock: 160 ms; from 0 s to 160 ms; pid 4000 \(manymoons\), thread 4000, VM 1"
make many
browse probed.html --blink-settings=preferredColorScheme=0
works=$(echo "$works" | sed 's/theme: light to dark/theme: dark to light/')
# shellcheck disable=SC2086
expect $works "spans: [1-9][0-9]{5}"
IFS=$old
make workers
browse probed.html
expect "bars: 12" "dots: 84" "scaling: 1" "chunkCurves: 0" "bestRows: 0"
make chunks
browse probed.html
expect "bars: 12" "scaling: 0" "chunkCurves: 1"
make busy
browse probed.html
expect "bars: 4" "bestRows: 0"
grep -q 'the machine was too busy to tell' dom.txt || fail "the page does not say that the machine was busy"
make wrong
browse probed.html
expect "bars: 4"
grep -q 'class="answer wrong"' dom.txt || fail "the disagreement is not shown"

# Without JavaScript: the scripts are removed, as in a browser that runs none.
make few
sed 's/<script>/<script type="none">/' page.html >plain.html
browse plain.html
for piece in '<h1>script&gt;&amp;.lua</h1>' '<td>interpreters</td>' '>cpu wait</th>' 'is fastest: 1.94 × (' \
  'this script is CPU-bound' "scripts/&lt;/script&gt;&amp;.lua' 'a b' '{{TITLE}}%1'" 'Linux'; do
  grep -Fq "$piece" dom.txt || fail "without JavaScript there is no $piece"
done
grep -q 'hidden=""' dom.txt || fail "what needs JavaScript is not hidden"

# The page refers to no other files or servers.
if sed 's/<script type="application\/json".*//' page.html | grep -Eo '(src|href)="?(https?:)?//[^"]*'; then
  echo "the page refers to another file or server"
  exit 1
fi
