-- SPDX-License-Identifier: MIT
-- A table with __call is a target wherever a function is, in each start method, with its fields of that time.
local mm = require "manymoons"
local expect = require "expect"

local Adder = {}
Adder.__index = Adder
function Adder.__call(self, a, b) return (a or 0) + (b or 0) + self.n end
local function adder(n) return setmetatable({ n = n }, Adder) end

local pool = mm.Pool(2)
local f = adder(10)
expect.equal(pool:apply(f, 1), 11)
f.n = 20
expect.equal(pool:apply(f, 1), 21)
expect.equal(pool:submit(f, 2):get(), 22)
expect.equal(pool:apply_async(f, { 1, 2 }):get(), 23)
expect.equal(pool:map(f, { 1, 2, 3 }), { 21, 22, 23 })
expect.equal(pool:starmap(f, { { 1, 1 }, { 2, 2 } }), { 22, 24 })
expect.equal(pool:map_async(f, { 1 }):get(), { 21 })
local got = {}
for v in pool:imap(f, { 1, 2, 3 }) do got[#got + 1] = v end
expect.equal(got, { 21, 22, 23 })
expect.equal(pool:reduce(adder(0), { 1, 2, 3, 4 }, adder(0)), 10)
local seen
pool:apply_async(f, { 1 }, { callback = setmetatable({}, { __call = function(_, v) seen = v end }) }):get()
expect.equal(seen, 21)
-- the class of a library, which is called to make an object
local Point = setmetatable({}, { __call = function(class, x) return setmetatable({ x = x }, class) end })
Point.__index = Point
local points = pool:map(Point, { 1, 2, 3 })
for i = 1, 3 do expect.truthy(points[i].x == i and getmetatable(points[i]) == Point) end
pool:terminate()

local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { false }
local q = mm.Queue()
for _, method in ipairs(methods) do
  local target = setmetatable({ q = q, n = 5 }, { __call = function(self, x) self.q:put(self.n + x) end })
  local p = mm.Process{ target = target, args = { 3 }, method = method or nil }
  p:start()
  p:join()
  expect.equal({ p.exitcode, q:get(expect.HANG) }, { 0, 8 })
end
local p = mm.Process(setmetatable({}, { __call = function(_, x, queue) queue:put(x) end }), "positional", q)
p:start()
p:join()
expect.equal(q:get(expect.HANG), "positional")

local initialized = mm.Pool{ workers = 1, initargs = { 7 }, initializer = setmetatable({ n = 1 }, {
  __call = function(self, x) initialized_with = self.n + x end }) }
expect.equal(initialized:apply(function() return initialized_with end), 8)
initialized:terminate()
