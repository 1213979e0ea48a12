#!/bin/sh
# SPDX-License-Identifier: MIT
# variants: release
# A C++20 program uses manymoons.hpp, compiled by g++ and by clang++.
set -eu
for compiler in g++ clang++; do
  $compiler -std=c++20 -Wall -Wextra -Wpedantic -Werror -I"$MM_TOP/bindings/c" "$MM_TOP/tests/embed/program.cpp" -L"$MM_BUILD" -lmanymoons \
    -Wl,-rpath,"$MM_BUILD" -o program
  timeout "${MM_HANG:-60}" ./program
done
