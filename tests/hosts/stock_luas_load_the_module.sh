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

# Another Lua says for which one the module is, and where its own is; without a copy of that one, how to get it.
mkdir -p alone
for lua in lua5.1:5.1 luajit:5.1 lua5.3:5.3 lua5.4:5.4; do
  command -v "${lua%:*}" >/dev/null || continue
  for built in 5.1 5.3 5.4; do
    [ -f "$MM_BUILD/lua/$built/manymoons.so" ] && [ $built != "${lua#*:}" ] || continue
    LUA_CPATH="$MM_BUILD/lua/$built/?.so" "${lua%:*}" -e 'require "manymoons"' >out 2>&1 && echo "${lua%:*} took the module of $built"
    grep -q "lua/$built/manymoons.so was built for Lua $built.*this is Lua ${lua#*:}: use .*lua/${lua#*:}/manymoons.so" out || cat out
    cp "$MM_BUILD/lua/$built/manymoons.so" alone
    LUA_CPATH="./alone/?.so" "${lua%:*}" -e 'require "manymoons"' >out 2>&1 && echo "${lua%:*} took a copy of that of $built"
    grep -q "was built for Lua $built.*install the module for Lua ${lua#*:}" out || cat out
  done
done
