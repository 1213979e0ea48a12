#!/bin/sh
# SPDX-License-Identifier: MIT
# `make dist` writes sources and a rock of them, twice the same bytes; luarocks packs the same from the rockspec, and makes the module
# from what is in a rock, for each Lua that it names, with the headers of that Lua; the module that it installs runs a pool, the
# one for 5.1 also in Neovim with the tree in package.cpath, as rocks.nvim has it.
set -eu
export MAKEFLAGS="-j$(nproc)"
git clone -q "$MM_TOP" src 2>out || { cat out; exit 1; }
run() { "$@" >out 2>&1 || { echo "$*:"; cat out; exit 1; }; }

run make -C src -s SKIP_SETUP=1 dist RELEASES="file://$PWD/first"
mv src/build/dist first
run touch src/Makefile
run make -C src -s SKIP_SETUP=1 dist RELEASES="file://$PWD/first"
diff -r first src/build/dist || echo "two builds differ"
name=$(cd first && ls -- *.rockspec)
name=${name%.rockspec}
grep -q 'url = "https://' src/packaging/"$name.rockspec" || echo "the rockspec of the sources names no place to publish it"

mkdir packed
cd packed
run luarocks pack "../first/$name.rockspec"
unzip -l "$name.src.rock" | grep -q "\.tar\.gz" || echo "the rock has no sources"
run luarocks unpack "../first/$name.src.rock"
cd ..
sources=$(dirname packed/"$name"/*/Makefile)
for lua in lua5.4:5.4 lua5.3:5.3 lua5.1:5.1 luajit:5.1; do
  version=${lua#*:} interpreter=${lua%:*} more=
  rm -rf tree
  if [ "$interpreter" = luajit ]; then # some files for all, because they take long
    more=LUA_INCDIR=/usr/include/luajit-2.1
    touch "$sources"/vm/state/*code.c "$sources"/vm/state/vm*.c
  fi
  (cd "$sources" && run luarocks --lua-version "$version" --tree ../../../tree make packaging/*.rockspec $more)
  LUA_CPATH="$PWD/tree/lib/lua/$version/?.so" "$interpreter" -e \
    'assert(require("manymoons").Pool(2):map(function(x) return x * x end, { 3 })[1] == 9)'
done
nvim --headless --clean --cmd "lua package.cpath = package.cpath .. ';$PWD/tree/lib/lua/5.1/?.so'" \
  -c 'lua print(require("manymoons").processes.Pool(1):apply(function() return 6 * 8 end))' -c 'qa!' >out 2>&1 </dev/null
grep -q 48 out || { cat out; exit 1; }
