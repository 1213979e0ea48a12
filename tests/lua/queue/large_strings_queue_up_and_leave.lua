-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- Strings of many sizes, alone and in tables, go to a worker and come back; forty large ones wait in a queue.
local mm = require("manymoons")

local function echo(from, to)
  for value in from:iter() do to:put(value) end
end

local to, from = mm.Queue(), mm.Queue()
local worker = mm.Process(echo, to, from)
worker:start()

local function text(size) return ("0123456789abcde\0"):rep(math.ceil(size / 16)):sub(1, size) end

for _, size in ipairs{ 0, 63, 64, 4064, 4096, 4097, 16384, 65536, 262144, 1048576, 4194304, 9000000 } do
  local s = text(size)
  to:put(s)
  assert(from:get() == s)
  to:put{ name = s, { name = s, other = size } }
  local t = from:get()
  assert(t.name == s and t[1].name == s and t[1].other == size)
end
to:close()
worker:join()

local waiting = mm.Queue()
local large = text(5000000)
for _ = 1, 40 do assert(waiting:put(large)) end
for _ = 1, 40 do assert(waiting:get() == large) end
assert(waiting:qsize() == 0)
