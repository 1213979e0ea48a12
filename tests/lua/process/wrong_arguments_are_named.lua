-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

expect.raises("Process: a function expected, got number", mm.Process, 3)
expect.raises("Process: target: a function expected, got nil", mm.Process, {})
expect.raises("Process: unknown option 'arguments'", mm.Process, { target = print, arguments = {} })
local p = mm.Process(function() end)
expect.raises("has not been started", p.join, p)
p:start()
expect.raises("was started before", p.start, p)
p:join()
