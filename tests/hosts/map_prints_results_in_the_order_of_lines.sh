#!/bin/sh
# SPDX-License-Identifier: MIT
# manymoons map: results come in the order of the lines, whole, in every world; with all that the code can see and return.
set -eu
manymoons=$MM_BUILD/manymoons
wrong=0
complain() { echo "$1"; wrong=1; }

# gives WANTED OPTIONS…: the output of map for the lines on stdin, and exit status 0.
gives() {
  wanted=$1
  shift
  status=0
  "$manymoons" map "$@" >out 2>err || status=$?
  [ $status = 0 ] || complain "map $*: status $status"
  [ ! -s err ] || complain "map $*: stderr: $(cat err)"
  printf -- "$wanted" | cmp -s - out || complain "map $*: $(head -c 500 out)"
}

seq 1 30000 >lines
awk '{ print $1 * 2 }' lines >doubled
for world in serial async threads interpreters processes; do
  "$manymoons" --world $world map -j 3 'x * 2' <lines >out 2>err || complain "map fails in $world: $(cat err)"
  cmp -s doubled out || complain "the lines are not in order in $world"
  "$manymoons" map 'return x * 2' --unordered --world=$world lines >out || complain "--unordered fails in $world"
  sort -n out | cmp -s doubled - || complain "--unordered loses lines in $world"
  # Lines of different cost: the dear ones do not let others pass.
  seq 1 40 | "$manymoons" map -j4 --world $world 'if n % 7 == 1 then require("manymoons").sleep(0.01) end return x' >out
  seq 1 40 | cmp -s - out || complain "a line passes another one in $world"
  seq 1 3 | gives "$world\n$world\n$world\n" --world $world 'require("manymoons").current_world()'
  # One VM for each worker, or one for all: --init runs once in each, before the first line.
  seq 1 50 | "$manymoons" map --world $world --init 'k = (k or 0) + 7' 'k' | sort -u >out
  [ "$(cat out)" = 7 ] || complain "--init does not run once in each VM in $world: $(cat out)"
  seq 1 1000 | gives '500500\n' --world $world --reduce 'return a + b' 'x'
done
[ "$("$manymoons" map 'require("manymoons").current_world()' </dev/null)" = "" ] || complain "no lines, but output"
echo 1 | gives 'interpreters\n' 'require("manymoons").current_world()'
echo 1 | MANYMOONS_WORLD=processes gives 'processes\n' 'require("manymoons").current_world()'

# What lines are, and what results are.
printf 'a\n\nc' | gives 'a:1\n:2\nc:3\n' 'x .. ":" .. n'
printf 'a\r\n' | gives '2\n' '#x'
printf '1\n2\n3\n' | gives '1\n3\n' 'if x ~= "2" then return x end'
printf '2\n' | gives '2\t4.0\tnil\ttrue\t1e+15\t-0.0\t9007199254740993\n' 'x, x^2, nil, true, 1e15, -0.0, 9007199254740993'
printf '10\n' | gives 'code\t11\n' 'local y = x + 1 return "code", y -- a comment'
printf '10\n' | gives '-10\n' -- '-x'
head -c 300000 /dev/zero | tr '\0' 'a' | gives '300000\n' '#x'
head -c 200000 /dev/urandom >binary
echo >>binary
"$manymoons" map x binary | cmp -s - binary || complain "bytes change"
seq 1 10 | gives '2\n4\n6\n8\n10\n' --filter 'x % 2 == 0'
seq 1 10 | gives '30\n' --filter --reduce 'a + b' 'x % 2 == 0'
seq 1 10 | gives '10\n' --reduce 'math.max(a, b)' 'x + 0'
seq 5 7 | gives '1\t5\n2\t6\n3\t7\n' --dry-run 'error()'

# JSON.
printf '{"a":1,"b":[1,2]}\n{"a":null,"b":[]}\n"s"\n7\n' >json
gives '1\nnil\n' --json 'if type(v) == "table" then return tostring(v.a) end' <json
gives '[1,2]\t1\n[]\t2\n' --json 'if type(v) == "table" then return v.b, n end' json
gives '{"twice":14}\n' --json 'if value == 7 then return { twice = v * 2 } end' json
printf '{"a":{"n":2}}\n{"a":{"n":3}}\n' | gives '{"n":5}\n' --json --reduce '{ n = a.n + b.n }' 'v.a'

# Files, and pieces of one.
printf '1\n2\n' >one
printf '3' >two
gives '1:1\n2:2\n3:3\n' 'x .. ":" .. n' one two
gives 'one\t2\t3\ntwo\t1\t3\n' --files 'local s, c = 0, 0 for line in lines() do s, c = s + line, c + 1 end return f, c, s' one two
printf 'one\ntwo\n' | gives 'one\ntwo\n' --files 'f'
printf '1\n' | gives '1\n1\n2\n' 'x' - one
"$manymoons" map --block 10k 'x' lines | cmp -s - lines || complain "--block changes the text"
cat lines | "$manymoons" map --block 10k '#x <= 10240 and #x > 9000' | sort | uniq -c >out
[ "$(awk '$2 == "true" { print $1 }' out)" -ge 16 ] && [ "$(awk '$2 == "false" { print $1 }' out)" -le 1 ] ||
  complain "pieces are not of the size that --block says: $(cat out)"
gives "$(awk '{ s += $1 } END { print s }' lines)\n" --block 10k --reduce 'a + b' \
  'local s = 0 for line in lines() do s = s + line end return s' lines
exit $wrong
