#!/bin/sh
# SPDX-License-Identifier: MIT
# A named block goes when its maker is killed, by whatever signal, in whatever host, in a worker or not, and otherwise with
# the program; one made with `keep` stays.
set -eu

cat >maker.lua <<'END'
local mm = require("manymoons")
local function make(name, keep) return assert(mm.SharedMemory({ create = true, size = 4096, name = name, keep = keep })).name end
local function say(...)
  print(...)
  io.stdout:flush()
end
local how, name = arg[1], arg[2]
if how == "end" then
  say(make(name))
elseif how == "keep" then
  say(make(name, true))
elseif how == "wait" then
  say(make(name))
  mm.sleep(1e6)
elseif how == "worker ends" then
  local worlds = { mm.processes, mm.interpreters, mm.threads }
  for i, world in ipairs(worlds) do
    local pool = world.Pool(1)
    say(pool:apply(make, name and name .. i))
    pool:close()
    pool:join()
  end
elseif how == "worker killed" then
  local function there(block)
    local file = io.open("/dev/shm/" .. block)
    if file then file:close() end
    return file ~= nil
  end
  for _, method in ipairs({ "fork", "spawn", "forkserver" }) do
    local names = mm.processes.Queue()
    local p = mm.processes.Process({ method = method, args = { names }, target = function(queue)
      queue:put(make())
      mm.sleep(1e6)
    end })
    p:start()
    local block = names:get()
    assert(there(block))
    p:kill()
    p:join()
    while there(block) do mm.sleep(0.01) end
  end
elseif how == "worker stopped" then
  local function make_many(prefix)
    for i = 1, 100 do make(prefix .. i) end
  end
  for number, world in ipairs({ mm.processes, mm.interpreters, mm.threads }) do
    local pool = world.Pool(1)
    pool:apply(make_many, name .. "_" .. number .. "_")
    pool:submit(function() while true do end end)
    pool:terminate()
  end
  if arg[3] == "wait" then
    say("made")
    mm.sleep(1e6)
  end
elseif how == "its tracker first" then
  local signal, last = arg[2], nil
  for _ = 1, 200 do last = make() end
  local pid = mm.current_process().pid
  -- The signal has had its effect when the state is stopped or zombie.
  assert(os.execute(([[
    tracker=$(ps -o pid= --ppid %d | head -n 1)
    kill -%s $tracker
    while case $(ps -o state= -p $tracker) in [TZ]) false ;; esac do sleep 0.01; done
  ]]):format(pid, signal)))
  for _ = 1, 50 do last = make() end
  say(("mm_%d_"):format(pid))
  mm.sleep(1e6)
elseif how == "worker's program killed" then
  local pool = mm.processes.Pool(1)
  say(pool:apply(make))
  pool:close()
  pool:join()
  mm.sleep(1e6)
end
END

gone() {
  for _ in $(seq 500); do
    [ -e "/dev/shm/$2" ] || return 0
    sleep 0.01
  done
  echo "$1: /dev/shm/$2 is left"
  rm -f "/dev/shm/$2"
}
at_once() {
  [ ! -e "/dev/shm/$2" ] || { echo "$1: /dev/shm/$2 is left"; rm -f "/dev/shm/$2"; }
}

# what, prefix of names
none_is_left() {
  for _ in $(seq 500); do
    ls /dev/shm | grep "^$2" >left || return 0
    sleep 0.01
  done
  echo "$1: $(wc -l <left) are left"
  (cd /dev/shm && xargs rm -f) <left
}

# name, signal, command: kills the command once it has printed the name of a block.
killed() {
  what=$1 signal=$2
  shift 2
  rm -f name
  "$@" >name 2>errors &
  pid=$!
  while ! [ -s name ]; do
    kill -0 $pid 2>kill_errors || { echo "$what: it ended: $(cat errors)"; return 0; }
    sleep 0.01
  done
  [ "$signal" != KILL ] || [ "$what" != stopped ] || kill -STOP $pid
  kill -"$signal" $pid
  wait $pid 2>wait_errors || true
  gone "$what, killed by $signal" "$(cat name)"
}

host=$MM_BUILD/manymoons
for signal in TERM HUP KILL SEGV ABRT PIPE USR1 ALRM XFSZ; do
  (ulimit -c 0 && killed program $signal "$host" maker.lua wait "mm_test_$$_$signal")
done
killed stopped KILL "$host" maker.lua wait
killed "made in a worker that ended" KILL "$host" maker.lua "worker's program killed"
# The tracker that replaces one that was stopped or killed knows all names.
for signal in STOP KILL; do
  rm -f name
  "$host" maker.lua "its tracker first" $signal >name 2>errors &
  pid=$!
  while ! [ -s name ]; do
    kill -0 $pid 2>kill_errors || { echo "its tracker, $signal: it ended: $(cat errors)"; break; }
    sleep 0.01
  done
  kill -KILL $pid
  wait $pid 2>wait_errors || true
  none_is_left "its tracker, $signal" "$(cat name)"
done
for lua in lua5.4 lua5.3 lua5.1 luajit; do
  case $MM_BUILD in */asan) break ;; esac # the sanitizer would have to be in the host
  abi=${lua#lua}
  [ $lua != luajit ] || abi=5.1
  command -v $lua >found && [ -e "$MM_BUILD/lua/$abi/manymoons.so" ] || continue
  LUA_CPATH="$MM_BUILD/lua/$abi/?.so;;" killed $lua KILL $lua maker.lua wait
done

for name in "" "mm_test_$$_named"; do
  at_once "the program ended" "$("$host" maker.lua end $name)"
  for block in $("$host" maker.lua "worker ends" $name); do at_once "its worker ended, and the program" "$block"; done
done
"$host" maker.lua "worker killed"

# A worker that is stopped ends its commands, and no tracker.
"$host" maker.lua "worker stopped" "mm_test_$$_ended"
none_is_left "a stopped worker, and the program ended" "mm_test_$$_ended"
rm -f name
"$host" maker.lua "worker stopped" "mm_test_$$_killed" wait >name &
pid=$!
while ! [ -s name ]; do sleep 0.01; done
kill -KILL $pid
wait $pid 2>wait_errors || true
none_is_left "a stopped worker, and the program was killed" "mm_test_$$_killed"
kept=$("$host" maker.lua keep)
[ -e "/dev/shm/$kept" ] || echo "one made with keep is gone"
rm -f "/dev/shm/$kept"
