#!/bin/sh
# SPDX-License-Identifier: MIT
# `make install`, and what a user does next: run the programs, require the module, build programs with pkg-config, shared and
# static, in C and C++, and with CMake and Meson; and `make uninstall` leaves nothing.
set -eu
prefix=$PWD/prefix
make -s -C "$MM_TOP" SKIP_SETUP=1 QUIET=1 VARIANT=release install PREFIX="$prefix" >out 2>&1 || { cat out; exit 1; }

fail() {
  echo "$1"
  cat out 2>/dev/null
  exit 1
}
says() { # WHAT COMMAND…
  local wanted=$1
  shift
  "$@" >out 2>&1 || fail "$*: exit status $?"
  [ "$(cat out)" = "$wanted" ] || fail "$*: not $wanted"
}

says 9 "$prefix/bin/manymoons" -e 'print(require("manymoons").Pool(2):map(function(x) return x * x end, { 3 })[1])'
says 9 "$prefix/bin/manymoons-luajit" -e 'print(require("manymoons").Pool(2):map(function(x) return x * x end, { 3 })[1])'
for lua in lua5.4:5.4 lua5.3:5.3 lua5.1:5.1 luajit:5.1; do
  says 9 env LUA_CPATH="$prefix/lib/lua/${lua#*:}/?.so" "${lua%:*}" -e \
    'print((string.format("%d", require("manymoons").Pool(2):map(function(x) return x * x end, { 3 })[1])))'
done

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
quick=$MM_TOP/scripts/embed/quick_start.c
for name in manymoons manymoons-luajit; do
  cc -std=c99 -Wall -Wextra -Werror "$quick" $(pkg-config --cflags --libs $name) -o quick || fail "$name: does not build"
  says 42 ./quick
  g++ -std=c++11 -Wall -Wextra -Werror -x c++ "$quick" -x none $(pkg-config --cflags --libs $name) -o quick || fail "$name: not as C++"
  says 42 ./quick
  cc "$quick" -I"$prefix/include" "$prefix/lib/lib$name.a" $(pkg-config --libs "$(pkg-config --print-requires $name)") -pthread -lm -ldl \
    -o quick || fail "$name: does not link statically"
  says 42 env -u LD_LIBRARY_PATH ./quick
done

cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(quick C)
find_package(manymoons 0.1 REQUIRED COMPONENTS luajit)
foreach(name manymoons manymoons_static luajit luajit_static)
  add_executable(${name} quick.c)
  target_link_libraries(${name} PRIVATE manymoons::${name})
endforeach()
END
cat >refused.cmake <<'END'
cmake_minimum_required(VERSION 3.18)
list(APPEND CMAKE_PREFIX_PATH "${PREFIX}")
find_package(manymoons 99 QUIET)
if(manymoons_FOUND)
  message(FATAL_ERROR "version 99 was found")
endif()
END
cat >meson.build <<'END'
project('quick', 'c')
foreach name : ['manymoons', 'manymoons-luajit']
  executable(name, 'quick.c', dependencies: dependency(name))
  executable(name + '_static', 'quick.c', dependencies: dependency(name, static: true))
endforeach
END
cp "$quick" quick.c
cmake -S . -B by_cmake -DCMAKE_PREFIX_PATH="$prefix" >out 2>&1 || fail "CMake does not find it"
cmake --build by_cmake >out 2>&1 || fail "CMake does not build with it"
cmake -DPREFIX="$prefix" -P refused.cmake >out 2>&1 || fail "CMake finds another version"
for name in manymoons luajit; do
  says 42 "by_cmake/$name"
  says 42 env -u LD_LIBRARY_PATH "by_cmake/${name}_static"
done
meson setup by_meson >out 2>&1 || fail "Meson does not find it"
meson compile -C by_meson >out 2>&1 || fail "Meson does not build with it"
for name in manymoons manymoons-luajit; do
  says 42 "by_meson/$name"
  says 42 env -u LD_LIBRARY_PATH "by_meson/${name}_static"
done
man -l "$prefix/share/man/man3/manymoons.3" 2>/dev/null | grep -q mm_rt_create || fail "no manual"

for page in $(cd "$MM_TOP/docs/man" && ls *.1); do
  man -l "$prefix/share/man/man1/$page" 2>/dev/null | grep -q ENVIRONMENT || fail "no manual $page, or without ENVIRONMENT"
done
addon=$prefix/share/manymoons/addons/manymoons
[ -f "$addon/config.json" ] && [ -f "$addon/library/types.lua" ] || fail "no types for editors"
man -l "$prefix/share/man/man1/manymoons-luajit.1" 2>/dev/null | grep -q "manymoons, manymoons-luajit" || fail "no manual of manymoons-luajit"
bash -c '. "$1" && complete -p manymoons-luajit' - "$prefix/share/bash-completion/completions/manymoons-luajit" >out 2>&1 || fail "no completions"
[ -f "$prefix/share/zsh/site-functions/_manymoons" ] || fail "no completions of zsh"
[ -f "$prefix/share/fish/vendor_completions.d/manymoons-luajit.fish" ] || fail "no completions of fish"

make -s -C "$MM_TOP" SKIP_SETUP=1 uninstall PREFIX="$prefix" >out 2>&1 || fail "uninstall"
find "$prefix" ! -type d >out
[ ! -s out ] || fail "uninstall leaves"
