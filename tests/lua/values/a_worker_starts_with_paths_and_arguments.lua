-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

package.path = package.path .. ";/nowhere/?.lua"
arg[1], arg[2] = "first", "second"
package.preload.handmade = function() return { answer = function() return 42 end } end
local function look()
  return package.path, arg[0], arg[2], require("handmade").answer()
end
local wanted = { look() }
local pool = mm.Pool(1)
expect.equal({ pool:apply(look) }, wanted)
pool:terminate()
local q = mm.Queue()
local p = mm.Process(function() q:put({ look() }) end)
p:start()
expect.equal(q:get(), wanted)
p:join()
