-- SPDX-License-Identifier: MIT
-- worlds: processes interpreters
-- A server that reads a field of each message runs nothing of its clients'. Without a key a message brings no proxy;
-- with one it may, and what the proxy's server answers is data.
local mm = require "manymoons"
local expect = require "expect"

-- A server of the attacker's, which answers any request with a function.
local addresses, visits = mm.Queue(), mm.Queue()
local attacker = mm.Process{ daemon = true, args = { addresses, visits, expect.HANG }, target = function(out, come, s)
  local l = assert(require("manymoons").Listener("127.0.0.1:0", { authkey = "theirs" }))
  out:put(l.address)
  while true do
    local c = l:accept(s)
    if c then
      local request = c:recv(s)
      come:put(request and request[1] or "nothing")
      c:send({ true, 1, { value = function() return "their code" end } })
      c:close()
    end
  end
end }
attacker:start()
local their_server = { address = addresses:get(expect.HANG), token = "t", key = "theirs" }
local evil = setmetatable({ ["\0id"] = 1, ["\0kind"] = "dict", ["\0server"] = their_server }, mm._classes.Proxy)
local bytes = mm.dumps(evil)

local function send(address, options, message)
  local sender = mm.Process(function(a, o, text, hang)
    local library = require "manymoons"
    local c = assert(library.Client(a, o))
    c:send(library.loads(text, { functions = true }))
    c:recv(hang)
  end, address, options, message, expect.HANG)
  sender:start()
  return sender
end

local plain = mm.Listener()
local sender = send(plain.address, nil, bytes)
local c = plain:accept(expect.HANG)
expect.raises("class 'manymoons._classes.[%a]*Proxy'", c.recv, c, expect.HANG)
c:close()
sender:join()
expect.equal(visits:qsize(), 0, "nobody came")

local keyed = mm.Listener(nil, { authkey = "ours" })
sender = send(keyed.address, { authkey = "ours" }, bytes)
c = keyed:accept(expect.HANG)
local received = c:recv(expect.HANG)
expect.raises("functions, which are refused", function() return received.cmd end)
expect.equal(visits:get(expect.HANG), "index")
expect.raises("Manager", function() return setmetatable({ ["\0server"] = {} }, mm._classes.ForeignProxy).x end)

-- It stays foreign wherever it goes.
local pool = mm.Pool(1)
expect.raises("functions, which are refused", pool.apply, pool, function() return received.cmd end)
pool:terminate()
c:close()
sender:join()
attacker:terminate()
attacker:join()
