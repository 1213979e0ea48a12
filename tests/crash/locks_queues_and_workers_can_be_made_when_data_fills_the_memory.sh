#!/bin/sh
# SPDX-License-Identifier: MIT
# With little address space the segment is small. When a table or a queue has filled it, the error names the object and how
# much is in use, and there is still room for locks, queues and workers.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # it takes terabytes of addresses for itself
ulimit -v 1500000 # KiB; the segment has at most half of it
cat >full.lua <<'END'
local mm = require "manymoons"
local value = ("x"):rep(100000)
local t, q = mm.Table(), mm.Queue()
local ok, why
for i = 1, 100000 do
  ok, why = pcall(function() t[i] = value end)
  if not ok then break end
end
assert(not ok and why:match("Table: ENOMEM: no memory for %d+ bytes; [%d.]+ GiB of [%d.]+ GiB"), why)
repeat ok, why = q:put(value) until not ok
assert(why:match("^ENOMEM: Queue: no memory for %d+ bytes"), why)
local lock, other, cell = mm.Lock(), mm.Queue(), mm.Value("i64")
assert(lock:acquire() and lock:release() == nil)
assert(other:put("still") and other:get() == "still")
cell.value = 5
local p = mm.Process(function(answer) answer:put("from a worker") end, other)
p:start()
assert(other:get() == "from a worker")
p:join()
for i = 1, #t do t[i] = nil end
t.last = value
assert(t.last == value)
END
"${MM_BUILD:?}/manymoons" --world processes full.lua
