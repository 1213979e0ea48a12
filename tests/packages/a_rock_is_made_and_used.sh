#!/bin/sh
# SPDX-License-Identifier: MIT
# `luarocks make` in a checkout, for two Luas; and the module that it installs runs a pool, also in Neovim with the tree in
# package.cpath, as rocks.nvim has it.
set -eu
git clone -q "$MM_TOP" src 2>out || { cat out; exit 1; }
cd src
for lua in lua5.4:5.4 lua5.1:5.1 luajit:5.1; do
  version=${lua#*:}
  luarocks --lua-version "$version" --tree ../tree make packaging/*.rockspec >../out 2>&1 || { cat ../out; exit 1; }
  LUA_CPATH="$PWD/../tree/lib/lua/$version/?.so" "${lua%:*}" -e \
    'assert(require("manymoons").Pool(2):map(function(x) return x * x end, { 3 })[1] == 9)'
done
nvim --headless --clean --cmd "lua package.cpath = package.cpath .. ';$PWD/../tree/lib/lua/5.1/?.so'" \
  -c 'lua print(require("manymoons").processes.Pool(1):apply(function() return 6 * 8 end))' -c 'qa!' >../out 2>&1 </dev/null
grep -q 48 ../out || { cat ../out; exit 1; }
