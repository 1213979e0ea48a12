-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool{ workers = 1, maxtasksperchild = 2 }
local names = {}
for _ = 1, 6 do names[pool:apply(function() return mm.current_process().name end)] = true end
local count = 0
for _ in pairs(names) do count = count + 1 end
expect.equal(count, 3)
expect.equal(#pool:map(function(x) return x end, { 1, 2, 3, 4, 5, 6, 7 }), 7)
pool:close()
pool:join()
