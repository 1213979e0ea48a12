#!/bin/sh
# SPDX-License-Identifier: MIT
# Each page of the site of the docs in a browser, at 360 and 1280 pixels: it is as wide as the window and
# not empty, its links lead to pages and headings, its pictures are there, no Markdown is left in it, and
# the browser has no complaint. Skipped without mkdocs or chromium.
set -eu
command -v mkdocs >/dev/null || { echo "no mkdocs here: tests/support/setup site installs it"; exit 77; }
here=$PWD
(cd "$MM_TOP" && "$MM_BUILD/manymoons" docs/site.lua "$here") >out 2>&1 || { cat out; exit 1; }
[ ! -s out ] || { cat out; exit 1; }
pages=$(find site -name '*.html' | LC_ALL=C sort | paste -sd, -)
cp "$MM_TOP/tests/support/page/site.html" .
status=0
"$MM_TOP/tests/support/browse" "site.html#$pages" --allow-file-access-from-files \
  --virtual-time-budget=30000 || status=$?
[ $status = 0 ] || exit $status
sed 's/.*<pre id="probe">//; s/<\/pre>.*//' dom.txt | grep '^probe' >lines.txt || true
count=$(find site -name '*.html' | wc -l)
if [ -s console.txt ] || [ "$(cat lines.txt)" != "probe done: $count pages" ]; then
  cat console.txt lines.txt
  exit 1
fi
for page in docs/tutorial/first-pool docs/how-to/from-python docs/reference/lua docs/decisions/index \
  scripts/love/main.lua; do
  [ -f "site/$page.html" ] || echo "there is no page $page"
done
