-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Clients that say nothing, half of it, or anything: they are refused, the right one gets in, and neither side can be
-- talked out of the key.
local mm = require "manymoons"
local expect = require "expect"

local native = mm._native
math.randomseed(os.time())
local listener = mm.Listener(nil, { authkey = "secret" })
local address = listener.address

-- Ten that say nothing, and stay.
local silent = {}
for i = 1, 10 do silent[i] = assert(native.stream_connect(address, 5)) end

local failures = 0
local function accept_failure()
  expect.equal({ listener:accept(20) }, { nil, "authentication failed" })
  failures = failures + 1
end

-- Any bytes at all, of any length; and the end of the connection at any byte.
for _ = 1, 200 do
  local size = math.random(0, 200)
  local stream = assert(native.stream_connect(address, 5))
  expect.equal({ listener:accept(0) }, { nil, "timeout" })
  stream:send(native.random_bytes(size))
  stream:close()
  accept_failure()
end
expect.equal(failures, 200)

-- Without a key on one side there is no connection.
local without = mm.Process(function(a, q) q:put({ require("manymoons").Client(a) }) end, address, mm.Queue())
without:start()
accept_failure()
without:join()
local open = mm.Listener()
local q = mm.Queue()
local keyed = mm.Process(function(a, results)
  results:put({ require("manymoons").Client(a, { authkey = "secret" }) })
end, open.address, q)
keyed:start()
expect.equal({ open:accept(20) }, { nil, "authentication failed" })
expect.equal(q:get(20), { nil, "authentication failed" })
keyed:join()

-- A server that speaks nonsense is refused, too.
local false_server = assert(native.stream_listen("@manymoons-false-" .. native.pid()))
local fooled = mm.Process(function(a, results)
  results:put({ require("manymoons").Client(a, { authkey = "secret" }) })
end, "@manymoons-false-" .. native.pid(), q)
fooled:start()
local stream
while not stream do stream = false_server:accept() end
stream:send(("x"):rep(300))
local answer = q:get(20)
expect.equal(answer[1], nil)
fooled:join()

-- What comes before the right one does not keep it waiting.
local right = mm.Process(function(a)
  local c = require("manymoons").Client(a, { authkey = "secret" })
  c:send("right")
  c:recv(20)
end, address)
right:start()
local start = mm.time()
local c = listener:accept(20)
expect.truthy(c and mm.time() - start < 4, "the silent ones held it up")
expect.equal(c:recv(20), "right")

-- A frame that is no frame, or too long, ends in an error and costs no memory.
local small = mm.Listener(nil, { authkey = "k", max_message = 1000 })
local large = mm.Process(function(a)
  local big = require("manymoons").Client(a, { authkey = "k" })
  big:send(("x"):rep(2000))
  big:recv(20)
end, small.address)
large:start()
local refused = small:accept(20)
expect.equal({ refused:recv(20) }, { nil, "malformed message" })
refused:close()
large:join()
c:send(1)
right:join()

-- Without a key functions are refused.
local plain = mm.Listener()
local sender = mm.Process(function(a)
  local s = require("manymoons").Client(a)
  s:send(function() end)
  s:recv(20)
end, plain.address)
sender:start()
local received = plain:accept(20)
expect.raises("functions, which are refused", received.recv, received, 20)
received:close()
sender:join()
for i = 1, 10 do silent[i]:close() end
