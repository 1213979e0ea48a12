#!/bin/sh
# SPDX-License-Identifier: MIT
# variants: release
# The programs of tests/bench run to their end and print the columns of the table; verdicts counts.
set -eu
"$MM_BUILD/manymoons" "$MM_TOP/tests/bench/run.lua" --smoke >table
grep -q '^| manymoons ' table || { echo "no table:"; cat table; }
# What it counts depends on the machine; here it has to run and to count.
"$MM_TOP/tests/bench/verdicts" --smoke >counted || true
grep -q '^1 comparisons: .*, 0 failed$' counted || { echo "verdicts:"; cat counted; }
