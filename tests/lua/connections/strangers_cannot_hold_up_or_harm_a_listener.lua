-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Clients that send nothing, half a handshake, or random bytes are refused, and a client with the key is accepted.
-- Neither side can make the other one skip the key.
local mm = require "manymoons"
local expect = require "expect"

local native = mm._native
math.randomseed(os.time())
local listener = mm.Listener(nil, { authkey = "secret" })
local address = listener.address

-- Ten silent clients do not delay one with the key: it is accepted before the silent ones time out. On a busy machine
-- they may time out first; the test then tries again.
local function is_dropped(stream)
  local byte, why
  repeat byte, why = stream:receive(1, 0) until not byte
  return why ~= "timeout"
end

local function accept_beside_silent_ones()
  local silent, dropped = {}, false
  for i = 1, 10 do silent[i] = assert(native.socket_connect(address, expect.HANG)) end
  local right = mm.Process(function(a)
    local c = require("manymoons").Client(a, { authkey = "secret" })
    c:send("right")
    c:recv(expect.HANG)
  end, address)
  right:start()
  local c = assert(listener:accept(expect.HANG))
  for i = 1, 10 do dropped = is_dropped(silent[i]) or dropped end
  if not dropped then return c, right, silent end
  c:close()
  right:join()
end
local c, right, silent
repeat c, right, silent = accept_beside_silent_ones() until c
expect.equal(c:recv(expect.HANG), "right")

local failures = 0
local function accept_failure()
  expect.equal({ listener:accept(expect.HANG) }, { nil, "authentication failed" })
  failures = failures + 1
end

-- Random bytes of any length, and a connection that ends at any byte.
for _ = 1, 200 do
  local size = math.random(0, 200)
  local stream = assert(native.socket_connect(address, expect.HANG))
  expect.equal({ listener:accept(0) }, { nil, "timeout" })
  stream:send(native.random_bytes(size))
  stream:close()
  accept_failure()
end
expect.equal(failures, 200)

-- If only one side has a key there is no connection.
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
expect.equal({ open:accept(expect.HANG) }, { nil, "authentication failed" })
expect.equal(q:get(expect.HANG), { nil, "authentication failed" })
keyed:join()

-- A client refuses a server that sends malformed messages.
local false_server = assert(native.socket_listen("@manymoons-false-" .. native.pid()))
local fooled = mm.Process(function(a, results)
  results:put({ require("manymoons").Client(a, { authkey = "secret" }) })
end, "@manymoons-false-" .. native.pid(), q)
fooled:start()
local stream
while not stream do stream = false_server:accept() end
stream:send(("x"):rep(300))
local answer = q:get(expect.HANG)
expect.equal(answer[1], nil)
fooled:join()

-- A malformed frame, or one that is too long, is an error and takes no memory.
local small = mm.Listener(nil, { authkey = "k", max_message = 1000 })
local large = mm.Process(function(a)
  local big = require("manymoons").Client(a, { authkey = "k" })
  big:send(("x"):rep(2000))
  big:recv(expect.HANG)
end, small.address)
large:start()
local refused = small:accept(expect.HANG)
expect.equal({ refused:recv(expect.HANG) }, { nil, "message too large: it has 2016 bytes, and max_message is 1000" })
refused:close()
large:join()
c:send(1)
right:join()

-- Without a key functions are not accepted.
local plain = mm.Listener()
local sender = mm.Process(function(a)
  local s = require("manymoons").Client(a)
  s:send(function() end)
  s:recv(expect.HANG)
end, plain.address)
sender:start()
local received = plain:accept(expect.HANG)
expect.raises("functions, which are refused", received.recv, received, expect.HANG)
received:close()
sender:join()
for i = 1, 10 do silent[i]:close() end
