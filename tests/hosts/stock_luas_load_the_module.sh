#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's example works in the Luas of the distribution; a module for another Lua is refused
# with its name.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the host

one_liner='print(require "manymoons".WORLD.Pool(2):map(function(x) return x*x end, {1,2,3})[3])'
for lua in lua5.4:5.4 lua5.1:5.1 luajit:5.1; do
  LUA_CPATH="$MM_BUILD/lua/${lua#*:}/?.so;;"
  export LUA_CPATH
  for world in serial interpreters processes; do
    got=$("${lua%:*}" -e "$(echo "$one_liner" | sed "s/WORLD/$world/")" 2>&1) || true
    case $got in 9 | 9.0) ;; *) echo "$lua, $world: $got" ;; esac
  done
done
LUA_CPATH="$MM_BUILD/lua/5.1/?.so"
lua5.4 -e 'require "manymoons"' >out 2>&1 && echo "Lua 5.4 took the module of 5.1"
grep -Eq "built for Lua 5.1|undefined symbol" out || cat out
LUA_CPATH="$MM_BUILD/lua/5.4/?.so"
luajit -e 'require "manymoons"' >out 2>&1 && echo "LuaJIT took the module of 5.4"
grep -Eq "built for Lua 5.4|undefined symbol" out || cat out
