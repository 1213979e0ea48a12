-- SPDX-License-Identifier: MIT
-- A metatable that the program gave a library, methods that it gave files, and methods of files that it kept or
-- wrapped.
local mm = require "manymoons"
local expect = require "expect"

local file_methods = getmetatable(io.stdout).__index
local read, write = file_methods.read, file_methods.write
function file_methods.greet() return "hello" end
function file_methods.read(file, ...) return "read " .. tostring(read(file, ...)) end
setmetatable(string, { __index = function(_, key) return function(s) return key .. " of " .. s end end })
setmetatable(math, { __call = function(_, x) return x * 2 end })

local function look()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  write(file, "text")
  file:close()
  file = assert(io.open(path))
  local got = file:read("*a")
  file:close()
  os.remove(path)
  return { got, io.stdout:greet(), ("x"):strange(), ("x"):upper(), math(4), type(read), type(write) }
end
local wanted = { "read text", "hello", "strange of x", "X", 8, "function", "function" }

local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
for _, method in ipairs(methods) do
  local pool = mm.Pool{ workers = 1, method = method }
  expect.equal(pool:apply(look), wanted, method)
  expect.equal(pool:apply(function() return write end), write, method)
  pool:terminate()
end
file_methods.greet, file_methods.read = nil, read
setmetatable(string, nil)
setmetatable(math, nil)
