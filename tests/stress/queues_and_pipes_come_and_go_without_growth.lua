-- SPDX-License-Identifier: MIT
-- Ten thousand of each, opened, used and dropped: neither descriptors nor memory grow.
local mm = require "manymoons"

require "growth"(function(count)
  for i = 1, count do
    local q = mm.Queue(i % 3)
    q:put({ i, ("x"):rep(i % 5000) })
    local a, b = mm.Pipe()
    a:send(q)
    if i % 2 == 0 then b:recv():get() end
    if i % 3 == 0 then a:close() end
  end
end, 2000, 10000, 8 * 1024)
