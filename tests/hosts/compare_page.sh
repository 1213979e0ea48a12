#!/bin/sh
# SPDX-License-Identifier: MIT
# variants: release
# The page of manymoons compare --html in a browser: no errors; bars, dots and lanes; zoom, theme
# and tooltip work; without JavaScript the figures are shown. Skipped without chromium.
set -eu
support=$MM_TOP/tests/support

# make KIND: writes page.html, and probed.html, which is the same with the probe appended.
make() {
  "$MM_BUILD/manymoons" "$support/page/make_page.lua" "$support/page" page.html trace.json "$1"
  cat page.html "$support/page/probe.html" >probed.html
}

browse() {
  status=0
  "$support/browse" "$@" || status=$?
  [ $status = 0 ] || exit $status
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

works="readyPixels: true|holdPixels: true|waitPixels: true|wheelZooms: true|wheelIsCloser: true|dragMoves: true|keyMoves: true"
works="$works|keyZooms: true|resetShowsAll: true|isWhole: true|markZooms: true|markIsTenth: true|tooltipShows: true"
works="$works|theme: light to dark|paperChanges: true|holdPixelsInDark: true|worldCanBeHidden: true"

make few
browse probed.html
old=$IFS
IFS='|'
process='process 4000 \(manymoons\), thread 4000, VM 1'
# shellcheck disable=SC2086
expect $works "bars: 4" "groups: 1" "dots: 28" "bestBars: 1" "barsHaveWidths: [34]" "lanes: 15" "spans: [1-9][0-9]*" "scaling: 0" "laneRows: 16" \
  "hasNumbers: true" "bestRows: 1" "chunkCurves: 0" "flames: 0" \
  "barTooltip: serial: 1.61 s \(median of 7\); from 1.50 s to 1.72 s; 1.00 × as fast as serial; 1.59 s of processor time, 0.99 cores; .*" \
  "mainLane: serial, MainProcess, 1, 160 ms, 100 %, 13 %, 0 %, 0 %, 0 %" \
  "titles: serial: one thread, one VM; threads: 6 threads, one VM; 78 % waiting for its lock; interpreters: 3 threads, a VM each; processes: 5 processes, a VM each" \
  "names: MainProcess MainProcess Spinner-1 Spinner-2 Spinner-3 Spinner-4 Echo MainProcess PoolWorker-1 PoolWorker-2 MainProcess PoolWorker-1 PoolWorker-2 PoolWorker-3 PoolWorker-4" \
  "said: MainProcess in serial, holds the lock: 160.0 ms, .*in sieve \(sample.lua:12\).*" \
  "tooltip: MainProcess in serial; holds the lock: 160.0 ms; from 0 s to 160.0 ms; in sieve \(sample.lua:12\); $process" \
  "deepTooltip: MainProcess in serial; holds the lock: 160.0000 ms; from 0 s to 160.0000 ms; .*$process"
make many
browse probed.html --blink-settings=preferredColorScheme=0
works=$(echo "$works" | sed 's/theme: light to dark/theme: dark to light/')
# shellcheck disable=SC2086
expect $works "spans: [1-9][0-9]{5}"
IFS=$old
make workers
browse probed.html
expect "bars: 12" "dots: 84" "scaling: 1" "chunkCurves: 0" "bestRows: 0"
make sweep
browse probed.html
expect "bars: 15" "groups: 3" "dashes: 5" "endLabels: interpreters processes serial async threads"
make flames
browse probed.html
expect "flames: 4"
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
for piece in '<h1>script&gt;&amp;.lua</h1>' '<th scope="row">interpreters</th>' '<span class="bar-name">interpreters</span>' '>cpu wait</th>' 'is fastest: 1.94 × (' \
  'this script is CPU-bound' "scripts/&lt;/script&gt;&amp;.lua' 'a b' '{{TITLE}}%1'" 'Linux'; do
  grep -Fq "$piece" dom.txt || fail "without JavaScript there is no $piece"
done
grep -q 'hidden=""' dom.txt || fail "what needs JavaScript is not hidden"

# The page refers to no other files or servers.
if sed 's/<script type="application\/json".*//' page.html | grep -Eo '(src|href)="?(https?:)?//[^"]*'; then
  echo "the page refers to another file or server"
  exit 1
fi
