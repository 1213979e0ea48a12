#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs of tests/bench run to their end and print the columns of the table; verdicts counts.
set -eu
"$MM_BUILD/manymoons" "$MM_TOP/tests/bench/run.lua" --smoke >table
grep -q '^| manymoons ' table || { echo "no table:"; cat table; }
"$MM_TOP/tests/bench/verdicts" --smoke >counted || { echo "verdicts:"; cat counted; }
