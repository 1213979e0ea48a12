#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons dashboard serves its page and its events to this user alone, or to those that have the token; hostile text is
# text; no page of another site can lead a browser here.
set -eu
cat >work.lua <<'END_OF_LUA'
local mm = require("manymoons")
local function busy() while true do end end
local queue = mm.Queue()
mm.Process({ target = busy, name = "a <b>bold</b> one", daemon = true }):start()
io.open("ready", "w"):close()
queue:get(600)
END_OF_LUA
echo 0123456789abcdef-token >token
"$MM_BUILD/manymoons" --world interpreters work.lua '<img src=x onerror=boom()>' &
work=$!
pids=$work
trap 'kill -9 $pids 2>/dev/null || true' EXIT
while [ ! -e ready ]; do sleep 0.05; done
start() {
  name=$1
  shift
  "$MM_BUILD/manymoons" dashboard --listen 127.0.0.1:0 "$@" >"$name" 2>"$name.err" &
  pids="$pids $!"
  while [ ! -s "$name" ]; do sleep 0.05; kill -0 $! || { cat "$name.err"; exit 1; }; done
}
start open "$work"
start closed --token-file token
python3 - "$(cat open)" "$(cat closed)" "$work" <<'END_OF_PYTHON'
import http.client
import json
import sys
from urllib.parse import urlsplit

open_url, closed_url, work = urlsplit(sys.argv[1]), urlsplit(sys.argv[2]), sys.argv[3]


def ask(url, path, method="GET", body=None, **headers):
    connection = http.client.HTTPConnection(url.netloc, timeout=100)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def status(*words, **headers):
    return ask(*words, **headers).status


page = ask(open_url, "/")
assert page.status == 200 and "script-src" in page.headers["Content-Security-Policy"]
assert "manymoons dashboard" in page.read().decode()
assert status(open_url, "/", Host="evil.example:80") == 403
assert status(open_url, "/nothing") == 404
assert status(open_url, "/events?topic=pools") == 404
assert status(open_url, "/events?topic=program/1/../2") == 404
assert status(open_url, "/", "PUT") == 405
assert status(open_url, "/pool/jobs/pause", "POST", "") == 404


def first_event(url, topic, **headers):
    answer = ask(url, "/events?topic=" + topic, **headers)
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
    line = answer.readline()
    assert line.startswith(b"data: ")
    return json.loads(line[6:])


program = first_event(open_url, "program/" + work)
assert any(one["name"] == "a <b>bold</b> one" for one in program["workers"]), program
assert program["command"].endswith("work.lua <img src=x onerror=boom()>"), program
assert any(one["pid"] == int(work) for one in first_event(open_url, "programs")["programs"])
assert "ended" in first_event(open_url, "program/4194304")

token = "0123456789abcdef-token"
assert status(closed_url, "/") == 403
assert status(closed_url, "/?token=0123456789abcdef-tokem") == 403
entry = ask(closed_url, "/?token=" + token)
assert entry.status == 303 and entry.headers["Location"] == "/" and "HttpOnly" in entry.headers["Set-Cookie"]
assert status(closed_url, "/", Cookie="a=b; manymoons_token=" + token) == 200
assert status(closed_url, "/", Cookie="manymoons_token=nothing") == 403
assert status(closed_url, "/events?topic=programs") == 403
assert status(closed_url, "/", Authorization="Bearer " + token) == 200
END_OF_PYTHON
status=0
timeout 300 "$MM_TOP/tests/support/visit" "$(cat open)" 400 'manymoons.state.count > 1' \
  'document.body.innerText.includes("a <b>bold</b> one")' '!document.querySelector("#view b, #view img, #answer img")' \
  'document.documentElement.scrollWidth <= 400' 'document.querySelectorAll("table th[scope=row]").length > 1' >seen ||
  status=$?
[ $status = 0 ] || [ $status = 77 ] || { cat seen; exit 1; }
kill -9 "$work"
for wrong in '--listen nowhere' '--token-file /nonexistent' '--tokn x' '1 2' 'http://a/b'; do
  code=0
  # shellcheck disable=SC2086
  "$MM_BUILD/manymoons" dashboard $wrong >said 2>&1 || code=$?
  [ $code = 2 ] || { echo "dashboard $wrong: exit status $code"; cat said; exit 1; }
done
