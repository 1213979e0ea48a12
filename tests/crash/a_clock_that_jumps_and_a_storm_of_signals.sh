#!/bin/sh
# SPDX-License-Identifier: MIT
# While the clock on the wall jumps by hours in both directions, and a signal with a handler ends system calls every
# two milliseconds, no wait ends early or hours late, and no message is lost or taken out of turn.
#
# The program runs with a library of the test's before it, which lies about the time of day and arms the signal,
# in each process anew. What the library does is checked first.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # a sanitizer has to be the first library
command -v cc >/dev/null || exit 77

cat >storm.c <<'END'
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_uint calls;

/* An hour early, an hour late, and so on. */
static long lie(void) { return atomic_fetch_add(&calls, 1) % 2 ? 3600 : -3600; }

int clock_gettime(clockid_t clock, struct timespec *t) {
  const int result = (int)syscall(SYS_clock_gettime, clock, t);
  if (clock == CLOCK_REALTIME) t->tv_sec += lie();
  return result;
}
time_t time(time_t *out) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (out) *out = t.tv_sec;
  return t.tv_sec;
}
int gettimeofday(struct timeval *t, void *zone) {
  (void)zone;
  t->tv_sec = time(NULL);
  t->tv_usec = 0;
  return 0;
}

static void notice(int number) { (void)number; }
static void arm(void) {
  const struct itimerval often = {{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &often, NULL);
}
__attribute__((constructor)) static void start(void) {
  const struct sigaction action = {.sa_handler = notice}; /* without SA_RESTART */
  sigaction(SIGALRM, &action, NULL);
  pthread_atfork(NULL, NULL, arm);
  arm();
}
END
cc -shared -fPIC -O1 -o storm.so storm.c -lpthread

cat >waits.lua <<'END'
local mm = require("manymoons")
local world = mm.current_world()
local function jump() return math.abs(os.difftime(os.time(), os.time())) end
assert(jump() > 3000, "the clock does not jump")

-- Never early; late by less than half of what the clock jumps.
local function timed(name, seconds, wait, ...)
  local before = mm.time()
  local first, why = wait(...)
  local waited = mm.time() - before
  assert(not first or why == "timeout" or name == "sleep", name .. " did not time out")
  assert(waited >= seconds, name .. " ended early: after " .. waited .. " of " .. seconds)
  assert(waited < 1800, name .. " ended late: after " .. waited .. " of " .. seconds)
end

local empty, full, jobs = mm.Queue(), mm.Queue(1), mm.JoinableQueue()
full:put(0)
jobs:put(0)
local here, there = mm.Pipe()
for _, seconds in ipairs({ 1e-9, 0.0001, 0.0019, 0.01, 0.03 }) do
  timed("get", seconds, empty.get, empty, seconds)
  timed("put", seconds, full.put, full, 1, seconds)
  timed("join of a queue", seconds, jobs.join, jobs, seconds)
  timed("recv", seconds, here.recv, here, seconds)
  timed("poll", seconds, here.poll, here, seconds)
  timed("wait", seconds, mm.wait, { empty, there }, seconds)
  timed("wait for a descriptor", seconds, mm.wait, { here:fileno() }, seconds)
  timed("sleep", seconds, mm.sleep, seconds)
end
if world == "serial" then os.exit(0) end

local methods = world == "processes" and { "fork", "spawn", "forkserver" } or { false }
for _, method in ipairs(methods) do
  local go, q, back = mm.Queue(), mm.Queue(3), mm.Queue()
  local worker = mm.Process({ method = method or nil, target = function()
    go:get()
    for n in q:iter() do back:put(n) end
  end })
  worker:start()
  timed("join of a process", 0.03, worker.join, worker, 0.03)
  go:put(true)
  for n = 1, 2000 do
    q:put(n)
    if n % 4 == 0 then
      for past = n - 3, n do assert(back:get() == past) end
    end
  end
  q:close()
  worker:join()
  assert(worker.exitcode == nil or worker.exitcode == 0)
end
END

for world in serial threads interpreters processes; do
  LD_PRELOAD=$PWD/storm.so "$MM_BUILD/manymoons" --world $world waits.lua || echo "$world: exit status $?"
done
