#!/bin/sh
# SPDX-License-Identifier: MIT
# Tracebacks on stderr, of the program and of a Process, have lines of the script alone; MANYMOONS_DEBUG=1 shows all.
# Where the library is not on the stack they are those of lua5.4.
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
program=$MM_BUILD/manymoons
unset MANYMOONS_WORLD MANYMOONS_DEBUG LUA_INIT LUA_INIT_5_4
complain() {
  echo "$1:"
  cat err
  exit 1
}

cat >wrong.lua <<'END'
local mm = require "manymoons"
local function make() local pool = mm.Pool("4") return pool end
local pool = make()
END
"$program" wrong.lua 2>err && complain "no error"
grep -q "^manymoons: wrong.lua:2: Pool: workers: " err && grep -q "wrong.lua:3: in main chunk" err || complain "no lines"
grep -q "manymoons/" err && complain "lines of the library"
MANYMOONS_DEBUG=1 "$program" wrong.lua 2>err && complain "no error"
grep -q "manymoons/core/checks.lua" err || complain "no lines of the library"

echo 'require("manymoons").Queue():gett()' >misspelt.lua
"$program" misspelt.lua 2>err && complain "no error"
grep -q "^manymoons: misspelt.lua:1: attempt to call a nil value (method 'gett'): did you mean 'get'?$" err ||
  complain "what is meant is not said"

cat >process.lua <<'END'
local mm = require "manymoons"
local function start() local p = mm.Process(function() local x = nil + 1 end) p:start() return p end
start():join()
END
for world in serial async threads interpreters processes; do
  "$program" --world $world process.lua 2>err || complain "status"
  grep -q "^Process-1: process.lua:2: attempt" err && grep -q "process.lua:2: in function <process.lua:2>" err ||
    complain "$world: no lines"
  grep -q "manymoons/" err && complain "$world: lines of the library"
  [ $world = async ] || ! grep -q "main chunk" err || complain "$world: the stack of the parent"
done

cat >plain.lua <<'END'
local function deep(n) if n > 0 then return (deep(n - 1)) end return ("x"):rep({}) end
pcall(deep, 1)
string.gsub("x", "x", function() deep(60) end)
END
lua5.4 plain.lua 2>theirs
"$program" plain.lua 2>err
sed 's/^lua5.4: //' theirs >a
sed 's/^manymoons: //' err | cmp -s - a || complain "not as lua5.4"
exit 0
