#!/bin/sh
# SPDX-License-Identifier: MIT
# A name cannot move the cursor of a terminal that shows it, wherever the program shows it: top, the report of an
# error, a bar. What it has in JSON is JSON.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat -v out err 2>/dev/null
  exit 1
}
esc=$(printf '\033')
c1=$(printf '\302\233')

cat >named.lua <<'END'
local mm = require("manymoons")
local name = "evil\27[2J\nline\194\155m\226\128\174\255"
local gate = mm.Queue()
local worker = mm.Process{ name = name, daemon = true, target = function(g) g:get() end, args = { gate } }
worker:start()
local failing = mm.Process{ name = name, target = function() error("on purpose", 0) end }
failing:start()
failing:join()
io.stderr:write(tostring(worker), "\n")
io.open("ready", "w"):close()
mm.sleep(1000)
END

for world in async threads interpreters processes; do
  rm -f ready
  "$manymoons" --world $world named.lua >out 2>err &
  pid=$!
  until [ -f ready ]; do sleep 0.02; done
  grep -q 'evil\\x1b\[2J\\x0aline\\u{9b}m\\u{202e}\\xff: on purpose' err || fail "$world: the report of an error"
  grep -q 'Process: evil\\x1b\[2J' err || fail "$world: tostring"
  grep -q "$esc\|$c1" err && fail "$world: a control character on stderr"
  if [ $world = interpreters ] || [ $world = processes ]; then
    "$manymoons" top --once $pid >out 2>err || fail "$world: top fails"
    grep -q '^evil\\x1b\[2J\\x0aline\\u{9b}m' out || fail "$world: the name is not shown as text"
    grep -q "$esc\|$c1" out && fail "$world: a control character in top"
    "$manymoons" top --once --json $pid >out 2>err || fail "$world: top --json fails"
    lua5.4 -e 'local text = io.read("a")
      assert(utf8.len(text), "UTF-8")
      local found
      for _, w in ipairs(require("cjson").decode(text).workers) do found = found or w.name:find("evil\27[2J\nline", 1, true) end
      assert(found)' <out || fail "$world: JSON"
  fi
  kill -9 $pid
  wait $pid 2>/dev/null || true
done
