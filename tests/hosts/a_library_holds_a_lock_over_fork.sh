#!/bin/sh
# SPDX-License-Identifier: MIT
# Where a library holds a lock over fork, forked workers never begin: the program says so once, for a pool and for a
# process, and both start methods that do not fork this process work. It is not silent and does not hang at its end.
set -eu
case $MM_BUILD in */asan | */tsan) exit 0 ;; esac # the sanitizer forks a helper, and wants to be loaded first

cc -shared -fPIC -o silent_fork.so "$MM_TOP/tests/support/silent_fork.c"

cat >fork.lua <<'END'
local mm = require "manymoons"
mm.set_world("processes")
mm.set_start_method("fork")
assert(mm.get_start_method() == "fork")
local pool = mm.Pool(2)
local future = pool:submit(math.sqrt, 4)
assert(select(2, future:wait(7)) == "timeout")
pool:terminate()
local p = mm.Process(print, "not printed")
p:start()
assert(select(2, p:join(7)) == "timeout")
assert(select(2, p:join(0.01)) == "timeout")
p:kill()
p:join()
END
cat >ways_out.lua <<'END'
local mm = require "manymoons"
mm.set_world("processes")
mm.set_start_method("spawn")
assert(mm.get_start_method() == "spawn")
assert(mm.Pool(2):apply(math.sqrt, 4) == 2)
assert(mm.Pool(2):apply(function() return mm.get_start_method() end) == "spawn")
mm.set_start_method("fork")
local pool = mm.Pool{ workers = 2, method = "spawn" }
assert(pool:apply(math.sqrt, 9) == 3)
END
cat >environment.lua <<'END'
local mm = require "manymoons"
mm.set_world("processes")
assert(mm.get_start_method() == "spawn")
assert(mm.Pool(2):apply(math.sqrt, 4) == 2)
END

export LD_PRELOAD="$PWD/silent_fork.so"
"$MM_BUILD/manymoons" fork.lua >out 2>err || cat out err
[ "$(wc -l <err)" = 2 ] || cat err
grep -q '^manymoons: PoolWorker-1 has shown no sign of life for 5 s: .*method = "spawn"' err || cat err
grep -q '^manymoons: Process-1 has shown no sign of life for 5 s: .*method = "spawn"' err || cat err
"$MM_BUILD/manymoons" ways_out.lua
MANYMOONS_START_METHOD=spawn "$MM_BUILD/manymoons" environment.lua
if MANYMOONS_START_METHOD=clone "$MM_BUILD/manymoons" environment.lua 2>err; then
  echo "a start method that there is not was accepted"
fi
grep -q "MANYMOONS_START_METHOD: 'fork', 'spawn' or 'forkserver' expected, got 'clone'" err || cat err
