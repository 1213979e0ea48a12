#!/bin/sh
# SPDX-License-Identifier: MIT
# A program in which each thread waits for another one says so in one line, which names what each waits for and how to see
# more, and goes on waiting: a signal still ends it. A program that moves says nothing, however long its waits are; nor
# does a library whose host did not ask.
set -eu
manymoons=$MM_BUILD/manymoons
pid=

fail() {
  echo "$1"
  cat out err 2>/dev/null
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  exit 1
}

# A JoinableQueue whose values nobody reports.
cat >unanswered.lua <<'END'
local mm = require("manymoons")
local jobs, never = mm.JoinableQueue(), mm.Queue()
jobs:put(1)
local function keep(source, other) source:get() other:get() end
local worker = mm.Process{ name = "keeper", target = keep, args = { jobs, never } }
worker:start()
jobs:join()
END

# An end that waits for a child, which waits for the parent.
cat >exit.lua <<'END'
local mm = require("manymoons")
local never = mm.Queue()
mm.Process{ name = "child", target = function(q) q:get() end, args = { never } }:start()
END

# A pool whose calls wait for what the caller holds.
cat >pool.lua <<'END'
local mm = require("manymoons")
local lock = mm.Lock()
lock:acquire()
mm.Pool(2):map(function(x) return lock:with(function() return x end) end, { 1, 2, 3 })
END

# Tasks beside which nothing runs.
cat >task.lua <<'END'
local mm = require("manymoons")
local lock = mm.Lock()
lock:acquire()
local task = mm.async.spawn(function() lock:acquire() end)
task:get()
END

# Tasks in each kind of wait, beside a worker that waits.
cat >tasks.lua <<'END'
local mm = require("manymoons")
local event, gate, condition, barrier = mm.Event(), mm.Event(), mm.Condition(), mm.Barrier(3)
local jobs, full, begun = mm.JoinableQueue(), mm.Queue(1), mm.Queue()
jobs:put(1)
full:put(1)
local function keep(started, open) started:put(true) open:wait() end
local worker = mm.Process{ name = "keeper", target = keep, args = { begun, gate, event, condition, barrier, jobs, full } }
worker:start()
begun:get()
local tasks = {}
for _, wait in ipairs({
  function() event:wait() end,
  function() condition:acquire() condition:wait() end,
  function() barrier:wait() end,
  function() jobs:join() end,
  function() full:put(2) end,
  function() worker:join() end,
}) do tasks[#tasks + 1] = mm.async.spawn(wait) end
mm.async.gather(tasks)
END

# says WORLD SCRIPT TEXT…
says() {
  world=$1 script=$2
  shift 2
  : >err
  MANYMOONS_STANDSTILL=0.1 "$manymoons" --world "$world" "$script.lua" >out 2>err &
  pid=$!
  until grep -q "has stood still" err; do
    kill -0 $pid 2>/dev/null || fail "$script has ended in $world"
    sleep 0.05
  done
  for text in "$@" "manymoons stack $pid" "kill -QUIT $pid"; do
    grep -q "$text" err || fail "$script in $world: '$text' is missing"
  done
  [ "$(wc -l <err)" = 1 ] || fail "$script in $world: more than one line"
  if [ "$world" = processes ]; then
    "$manymoons" stack $pid >stacks 2>&1 || fail "no stacks of $script in $world"
    [ "$(wc -l <err)" = 1 ] || fail "$script in $world: said again"
  fi
  kill -TERM $pid
  wait $pid 2>/dev/null || true
  pid=
}

for world in threads interpreters processes; do
  says $world unanswered "MainProcess (process [0-9]*) waits in JoinableQueue:join at unanswered.lua:7" \
    "keeper (process [0-9]*) waits in Queue:get at unanswered.lua:4"
  says $world exit "waits for the end of child before it ends" "child (process [0-9]*) waits in Queue:get at exit.lua:3"
  says $world pool "MainProcess (process [0-9]*) waits at pool.lua:4" "waits for Lock at pool.lua:4"
done

for world in threads interpreters processes; do
  says $world tasks "MainProcess (process [0-9]*) waits in Task-6 and 5 more tasks at tasks.lua:17" \
    "keeper (process [0-9]*) waits in Event:wait at tasks.lua:6"
done
says async tasks "MainProcess (process [0-9]*) waits in Task-7 and 6 more tasks at tasks.lua:17"
says async task "Task-1 (process [0-9]*) waits for Lock at task.lua:4"
"$manymoons" --world async exit.lua >out 2>err || fail "the end of tasks fails"
grep -q "child does not end: it would wait for ever" err || fail "a child that never ends is not reported"

# What moves, or has a time, says nothing.
cat >moves.lua <<'END'
local mm = require("manymoons")
local q, gate = mm.Queue(), mm.Queue()
local function slow(out, pause) mm.sleep(pause) out:put(1) end
mm.Process(slow, q, 0.3):start()
q:get()
local pool = mm.Pool(2)
pool:map(function(x) mm.sleep(0.2) return x end, { 1, 2, 3 })
pool:apply(function(g) g:get(0.3) end, gate)
if mm.current_world() ~= "threads" then
  local ok, err = pcall(pool.map, pool, function() return gate:get() end, { 1 }, { timeout = 0.3 })
  assert(not ok and err.kind == "timeout", tostring(err))
end
local event = mm.Event()
mm.async.run(function()
  local task = mm.async.spawn(function() return event:wait() end)
  mm.Process(function(e) mm.sleep(0.3) e:set() end, event):start()
  assert(task:get())
end)
pool:close()
pool:join()
END
for world in threads interpreters processes; do
  MANYMOONS_STANDSTILL=0.05 "$manymoons" --world $world moves.lua >out 2>err || fail "moves fails in $world"
  [ ! -s err ] || fail "moves says something in $world"
done

# The module says it where it is asked to, to a file as well.
# (The sanitizer would have to be in the host.)
if [ "${MM_BUILD##*/}" != asan ] && command -v lua5.4 >/dev/null; then
  for setting in "" 0 "0.1,said"; do
    rm -f said
    MANYMOONS_STANDSTILL=$setting LUA_CPATH="$MM_BUILD/lua/5.4/?.so" lua5.4 unanswered.lua >out 2>err &
    pid=$!
    if [ -n "${setting#0}" ]; then
      until grep -qs "has stood still" said; do sleep 0.05; done
      ! grep -q QUIT said || fail "SIGQUIT would end lua5.4"
    else
      sleep 0.4
    fi
    pkill -KILL -P $pid || true
    kill -KILL $pid 2>/dev/null || true # it may have ended, since its workers have
    wait $pid 2>/dev/null || true
    pid=
    [ ! -s err ] || fail "the module says something unasked"
  done
fi
