#!/bin/sh
# SPDX-License-Identifier: MIT
# Our programs of tests/bench run to their end and say what the table asks them for.
set -eu
"$MM_BUILD/manymoons" "$MM_TOP/tests/bench/run.lua" --smoke >table
grep -q '^| manymoons ' table || { echo "no table:"; cat table; }
