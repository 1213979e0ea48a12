#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs in scripts/ run in every world, check themselves, and print the same in all.
set -eu

mkdir texts
printf 'One two, two.\nThree three three\n' >texts/plain.txt
printf 'zwei h\303\244user' >"texts/it's a text"
printf 'binary \0 two two two' >texts/binary

# same NAME ARGUMENTS…: checks that the script prints the same in all worlds.
same() {
  script=$1
  shift
  for world in serial async threads interpreters processes; do
    "$MM_BUILD/manymoons" --world $world "$MM_TOP/scripts/$script" "$@" >"$world.out" 2>"$world.err" || {
      echo "$script fails in world $world:"
      cat $world.out $world.err
      exit 1
    }
    cmp serial.out $world.out
  done
}

same pi.lua 200000
same primes.lua 1 20000 1 2 4 1009 1018081 999998823524539
same wordcount.lua texts
grep -q '^8 words, 5 of them different, in 2 files of 44 bytes$' serial.out || cat serial.out
same countdown.lua 200000
same shared_counter.lua 3 2000
same queue_of_work.lua 2 500 0.001
same file_counter.lua 3 20
grep -q '^with a lock 60 of 60$' serial.out || cat serial.out
same shared_rows.lua 8 3
same random_streams.lua 3
grep -q 'two results' processes.err || cat processes.err
same start_cost.lua 10
same chunks.lua 300
same deadlock.lua
for world in serial async threads interpreters processes; do
  case $world in serial) refused=0 ;; *) refused=1 ;; esac
  grep -q "^crosswise    $refused refused" $world.err && grep -q "^in one order 0 refused" $world.err || cat $world.err
  [ $refused = 0 ] || grep -q "deadlock: each of 2 waits for what another one holds:" $world.err || cat $world.err
done
same early_exit.lua 2 1000000
same blocking_calls.lua 10 together
for world in async threads interpreters processes; do
  grep -q '^io.popen .*, 10 had begun when the first one ended$' $world.err || cat $world.err
done
same tiny_tasks.lua 3000
same waiting_and_computing.lua 0.1
same fetch.lua 60 0.005 20
same chat.lua 10 5
same crawl.lua 60 0.001
same mandelbrot.lua 64 picture.png
[ "$(head -c 8 picture.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || echo "not a PNG"

same film.lua --frames 4 --width 32 serial.y4m
film=$(wc -c <serial.y4m)
if command -v redis-server >/dev/null; then
  "$MM_BUILD/manymoons" "$MM_TOP/scripts/film.lua" --frames 40 --width 64 --machines 3 --kill 2 farm.y4m >farm.out 2>farm.err ||
    cat farm.out farm.err
  grep -q '2 workers killed' farm.err || cat farm.err

  redis-server --port 0 --unixsocket "$PWD/flag.sock" --save '' >redis.out 2>&1 &
  server=$!
  until [ -S flag.sock ]; do kill -0 $server && sleep 0.05; done
  "$MM_BUILD/manymoons" "$MM_TOP/scripts/broker_flag.lua" "unix://$PWD/flag.sock" >flag.out 2>flag.err || cat flag.out flag.err
  kill $server
  wait $server || true
  "$MM_BUILD/manymoons" --world serial "$MM_TOP/scripts/broker_flag.lua" >serial.out 2>serial.err || cat serial.out serial.err
  cmp serial.out flag.out || cat flag.err
fi
[ "$film" = 9277 ] || echo "the film has $film bytes"

# A worker that ends takes its call along and no other one.
for world in serial async threads interpreters processes; do
  "$MM_BUILD/manymoons" --world $world "$MM_TOP/scripts/crash.lua" >crash.out 2>&1 || cat crash.out
  [ "$(grep -c '^ *[0-9]* [0-9]*$' crash.out)" -ge 7 ] || cat crash.out
  grep -q '^ 3 error: .*there is no square of 3$' crash.out || cat crash.out
  [ $world = serial ] || grep -q '^ 5 died: .*exit code 7' crash.out || cat crash.out
  [ $world != processes ] || grep -q '^ 7 died: .*killed by signal 9' crash.out || cat crash.out
done

for world in async threads; do
  "$MM_BUILD/manymoons" --world $world "$MM_TOP/scripts/convoy.lua" 0.05 >convoy.out 2>&1 || cat convoy.out
  [ "$(wc -l <convoy.out)" = 6 ] || cat convoy.out
done
