-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- __mm_send(object) gives what is sent in its place, and __mm_receive(that) makes the object of it.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local q = mm.Queue()

-- A class of objects with a part that cannot be sent.
local Conn = {}
Conn.__index = Conn
function Conn.open(host, port)
  return setmetatable({ host = host, port = port, co = coroutine.create(function() end), opened = "here" }, Conn)
end
function Conn.__mm_send(c) return { c.host, c.port } end
function Conn.__mm_receive(t)
  local c = Conn.open(t[1], t[2])
  c.opened = "again"
  return c
end

local c = Conn.open("moon", 80)
local back, there = pool:apply(function(x)
  assert(type(x.co) == "thread" and x.opened == "again")
  return x, x.host .. x.port
end, c)
expect.equal(there, "moon80")
expect.truthy(getmetatable(back) == Conn and type(back.co) == "thread" and back.opened == "again")

-- It is one object in one message, wherever it is met.
q:put({ c, c, deep = { [c] = c } })
local t = q:get()
expect.truthy(t[1] == t[2] and t.deep[t[1]] == t[1] and t[1].host == "moon")

-- Subclasses inherit both; registered classes have them, too; anything may be sent instead.
local Secure = setmetatable({}, { __index = Conn })
Secure.__index = Secure
q:put(setmetatable({ host = "secure", port = 1, co = c.co }, Secure))
expect.equal(q:get().host, "secure")
local Id = { __mm_send = function(o) return o.id end, __mm_receive = function(id) return "object " .. id end }
mm.register("Id", Id)
q:put(setmetatable({ id = 5 }, Id))
expect.equal(q:get(), "object 5")
local function_of = { __mm_receive = function(f) return f() end }
function function_of.__mm_send(o)
  local text = o.text
  return function() return "made of " .. text end
end
expect.equal(pool:apply(function(s) return s end, setmetatable({ text = "x" }, function_of)), "made of x")
local Nil = { __mm_send = function() return nil end, __mm_receive = function(v) return { was = v } end }
q:put(setmetatable({}, Nil))
expect.equal(q:get(), {})

-- One that sends others, and lists of any depth.
local Box = { __mm_send = function(b) return b.content end }
Box.__index, Box.__mm_receive = Box, function(content) return setmetatable({ content = content }, Box) end
local function box(content) return setmetatable({ content = content }, Box) end
local deep = {}
for _ = 1, 200 do deep = { deep } end
q:put({ box(box(box({ 1, c }))), box(deep), box(box("x")), after = { deep, "after" } })
t = q:get()
expect.equal(t[1].content.content.content[1], 1)
expect.equal(t[1].content.content.content[2].host, "moon")
expect.equal({ t[2].content, t[3].content.content, t.after }, { deep, "x", { deep, "after" } })
expect.equal(pool:map(function(b) return b.content end, { box(1), box(2), box(3) }), { 1, 2, 3 })

-- In the globals of a worker.
global_conn, global_box = c, box({ c, "boxed" })
local late = mm.Pool(1)
expect.equal({ late:apply(function() return global_conn.host, global_box.content[2], global_box.content[1].port end) },
  { "moon", "boxed", 80 })
late:terminate()

-- Errors.
local Half = { __mm_send = function() return 1 end }
expect.raises("class has __mm_send and no __mm_receive %(at value.h%)", q.put, q, { h = setmetatable({}, Half) })
local Self = { __mm_send = function(o) return { o } end, __mm_receive = function(v) return v end }
expect.raises("to which the value of its __mm_send leads", q.put, q, setmetatable({}, Self))
local Raises = { __mm_send = function() error("not today", 0) end, __mm_receive = print }
expect.raises("^not today$", q.put, q, setmetatable({}, Raises))
local Bad = { __mm_send = function() return coroutine.create(function() end) end, __mm_receive = print }
expect.raises("a coroutine %(at value.b%(__mm_send%)%)", q.put, q, { b = setmetatable({}, Bad) })
local Never = { __mm_send = false, __name = "Idol" }
expect.raises("cannot send an Idol %(at value.i%)", q.put, q, { i = setmetatable({}, Never) })
local Breaks = { __mm_send = function() return 1 end, __mm_receive = function() error("broken", 0) end }
local ok, err = pcall(pool.apply, pool, print, setmetatable({}, Breaks))
expect.truthy(not ok and tostring(err):find("broken"), tostring(err))
local chain = "end"
for _ = 1, 100 do chain = box(chain) end
expect.raises("nested too deeply in others with __mm_send", q.put, q, chain)
q:put("it still works")
expect.equal(q:get(), "it still works")

-- What __mm_send gives may be garbage as soon as it is written, and its memory that of the next one.
local made = 0
local Number = {
  __mm_send = function(o)
    made = made + 1
    if made % 100 == 0 then collectgarbage() end
    return { o.number, { tostring(o.number):rep(20) } }
  end,
  __mm_receive = function(parts) return { parts[1], parts[2][1] } end,
}
local numbers, wanted = {}, {}
for i = 1, 1000 do
  numbers[i] = setmetatable({ number = i }, Number)
  wanted[i] = { i, tostring(i):rep(20) }
end
q:put(numbers)
expect.equal(q:get(), wanted)

-- Bytes for who vouches for them.
expect.equal(mm.loads(mm.dumps({ c }), { functions = true })[1].host, "moon")
pool:terminate()
