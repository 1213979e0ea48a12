-- SPDX-License-Identifier: MIT
-- worlds: processes interpreters
local mm = require "manymoons"
local expect = require "expect"

local pid = mm.current_process().pid
for _, address in ipairs({ "127.0.0.1:0", "@manymoons-manager-" .. pid }) do
  local m = mm.Manager({ address = address, authkey = "secret" })
  m:register("shared", (function()
    local it = { n = 0 }
    return function() return it end
  end)())
  m:shared().n = 5
  expect.equal({ mm.connect(m.address, "wrong") }, { nil, "authentication failed" })
  local other = assert(mm.connect(m.address, "secret"))
  expect.equal(other:shared().n, 5, "a factory may return what there is")
  other:shared().n = 6
  expect.equal(m:shared().n, 6)
  expect.truthy(other:shared() == m:shared())
  other:close()
  expect.equal(m:shared().n, 6, "who connected leaves, and the server stays")
  m:close()
  expect.truthy(select(2, mm.connect(m.address, "secret")):match("^E"))
end
expect.raises("connect: authkey: a string expected", mm.connect, "@x")
local first = assert(mm.Listener("@manymoons-taken-" .. pid))
expect.raises("Manager: .*EADDRINUSE", mm.Manager, { address = first.address })
first:close()
