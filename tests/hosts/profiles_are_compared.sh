#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons profile --diff BEFORE AFTER: what changed between two profiles, from each format that is written, as a page, a
# table and folded stacks; a script that got another name is the same; what is no profile is said and named.
set -eu
manymoons=$MM_BUILD/manymoons

fail() {
  echo "$1"
  cat out err
  exit 1
}

# Made by hand, so that the figures are known: `sieve` got faster, `check` is new, `old` is gone.
cat >before.folded <<'END_OF_STACKS'
threads: PoolWorker-1;main chunk (a.lua);sieve (a.lua:3) 3000000
threads: PoolWorker-1;main chunk (a.lua);old (a.lua:9);string.rep ([C]) 500000
END_OF_STACKS
cat >after.folded <<'END_OF_STACKS'
threads: PoolWorker-1;main chunk (a.lua);sieve (a.lua:5) 1000000
threads: PoolWorker-1;main chunk (a.lua);check (a.lua:14) 250000
END_OF_STACKS
"$manymoons" profile --diff --top 9 before.folded after.folded >out 2>err || fail "the table fails"
for line in ': 3.50 s before, 1.25 s after: -2.25 s (-64.3 %)' '-2.00 s 3.00 s 1.00 s 3.00 s 1.00 s sieve (a.lua:5)' \
  '-0.50 s 0.50 s 0.00 s 0.00 s 0.00 s old (a.lua:9)' '+0.25 s 0.00 s 0.25 s 0.00 s 0.25 s check (a.lua:14)'; do
  tr -s ' ' <out | grep -Fq -- "$line" || fail "the table does not say '$line'"
done
"$manymoons" profile --diff -o - --format folded before.folded after.folded >out 2>err || fail "folded stacks fail"
grep -Fxq 'threads: PoolWorker-1;main chunk (a.lua);sieve (a.lua:5) 3000000 1000000' out || fail "the two numbers are not there"
"$manymoons" profile --diff before.folded after.folded >out 2>err || fail "the page fails"
grep -q 'wrote diff.html (open it in a browser)' err || fail "what was written is not said"
grep -Fq '<tr><th scope="row">sieve</th><td>3.00 s</td><td>1.00 s</td><td>-2.00 s</td><td>a.lua:5</td></tr>' diff.html || fail "the page has no table"

# What this program writes is read again, and a profile does not differ from itself, whatever the format.
cat >work.lua <<'END_OF_LUA'
local mm = require("manymoons")
local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + i % 7 end
  return sum
end
mm.Pool(2):map(function(x) return (crunch(3000000 + x)) end, { 1, 2, 3, 4 }, { chunksize = 1 })
END_OF_LUA
sed 's/^local function/\n\nlocal function/' work.lua >renamed.lua
"$manymoons" --world interpreters profile -o one.html work.lua 2>err
"$manymoons" --world interpreters profile -o two.html renamed.lua 2>err
"$manymoons" --world interpreters profile -o one.json work.lua 2>err
for file in one.html one.json; do
  "$manymoons" profile --diff --format folded -o - $file $file >out 2>err || fail "$file is not read"
  awk '$(NF-1) != $NF { exit 1 }' out && grep -q ';crunch (work.lua:2) ' out || fail "$file differs from itself"
done
"$manymoons" profile --diff --format folded -o - one.html two.html >out 2>err || fail "two scripts are not compared"
grep -Eq ';crunch \(renamed.lua:[0-9]+\) [1-9][0-9]* [1-9][0-9]*$' out || fail "the script under another name is another one"

# What cannot be compared is said.
echo '<html></html>' >other.html
echo '{"a":1}' >other.json
echo 'no stacks' >other.txt
for wrong in missing.html other.html other.json other.txt diff.html; do
  status=0
  "$manymoons" profile --diff -o never.html $wrong after.folded >out 2>err || status=$?
  [ $status = 1 ] && grep -q "^manymoons profile: cannot read $wrong: " err || fail "$wrong: exit status $status"
done
for wrong in "" before.folded "before.folded after.folded third" "-o before.folded before.folded after.folded" \
  "--format speedscope before.folded after.folded" "--rate 9 before.folded after.folded"; do
  status=0
  # shellcheck disable=SC2086
  "$manymoons" profile --diff $wrong >out 2>err || status=$?
  [ $status = 2 ] && grep -q "^manymoons profile: " err || fail "--diff $wrong: exit status $status"
done
