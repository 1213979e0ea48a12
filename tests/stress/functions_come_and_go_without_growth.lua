-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- quick: no
-- variants: release asan
-- Each call has a large function of its own; if their encodings were not freed, blocks of 1 MiB would run out.
local mm = require "manymoons"
local expect = require "expect"

local source = "return function(x) local t = {\n" .. ("1,\n"):rep(90000) .. "} return x + #t * 0 end"
local make = assert((loadstring or load)(source))
local pool = mm.Pool(1)
for i = 1, 2200 do expect.equal(pool:apply(make(), i), i) end
pool:close()
pool:join()
