-- SPDX-License-Identifier: MIT
-- What a manager holds, used wrongly in each way of tests/support/wrong_uses.lua: the message begins with the place of
-- the client's call, names the function as the script wrote it, and has nothing of the server's inside.
local mm = require "manymoons"
local expect = require "expect"
local wrong_arguments = require "wrong_arguments"
local wrong_uses = require "wrong_uses"

local list, unpack, try, note = wrong_uses.list, wrong_uses.unpack, wrong_uses.try, wrong_uses.note
local NAN, DEAD, HUGE = 0 / 0, coroutine.create(function() end), 2 ^ 63

local m = mm.Manager()
local made = {
  Queue = m:Queue(), JoinableQueue = m:JoinableQueue(), Lock = m:Lock(), RWLock = m:RWLock(),
  Semaphore = m:Semaphore(1), Event = m:Event(), Condition = m:Condition(), Barrier = m:Barrier(1),
  Value = m:Value("i8", 0), Array = m:Array("i8", { 0, 0, 0 }),
}
local rows = wrong_arguments.functions
local more = {
  ["dict:set"] = { list(), list(NAN, 1), list("a", DEAD), list("a", { b = { DEAD } }) },
  ["dict:update"] = { list(), list(5), list("x") },
  ["list:append"] = { list(), list(DEAD) }, ["list:extend"] = { list(), list(5), list("x") },
  ["list:insert"] = { list(), list("x", 1), list(0, 1), list(5, 1), list(1.5, 1), list(NAN, 1), list(1) },
  ["list:pop"] = { list("x"), list(0), list(4), list(NAN) }, ["list:sort"] = { list(5), list("x") },
  ["list:concat"] = { list(5), list({}) },
}
local plain = { dict = m:dict({ a = 1 }), list = m:list({ 1, 2, {} }) }

local selves = { 5, "x", {}, print, mm.Lock() }

local function check_method(class, method, thing, wrong, beginnings)
  local f = thing[method]
  for i = 1, #selves do note(try, beginnings, f, list(selves[i]), class .. ":" .. method .. " of another thing") end
  note(try, beginnings, f, list(), class .. ":" .. method .. " of nothing")
  for _, args in ipairs(wrong or {}) do
    local is_right = class == "Array" and method == "copy" and args.n == 0 -- as copy of a list
    if not is_right then note(try, beginnings, f, list(thing, unpack(args, 1, args.n))) end
  end
end

for name, wrong in pairs(rows) do
  local class, method = name:match("^(%w+):([%w_]+)$")
  if made[class] and made[class][method] ~= nil and method ~= "iter" then
    local beginnings = { class .. ":" .. method .. "[: ]", class .. ": ", method == "close" and "Proxy:close: " or nil }
    check_method(class, method, made[class], wrong or {}, beginnings)
  end
end
for name, wrong in pairs(more) do
  local class, method = name:match("^(%w+):([%w_]+)$")
  check_method(class, method, plain[class], wrong, { class .. ":" .. method .. ": " })
end
expect.raises("list:sort: attempt to compare", plain.list.sort, plain.list)
note(try, "list:concat: ", plain.list.concat, list(plain.list))

-- Constructors.
for _, name in ipairs({ "Queue", "JoinableQueue", "Semaphore", "BoundedSemaphore", "Value", "Array" }) do
  for _, args in ipairs(rows["World." .. name]) do
    local is_options = type(args[1]) == "table" and name:match("Queue$")
    if not is_options then note(try, name .. ": ", m[name], list(m, unpack(args, 1, args.n))) end
  end
end
for _, args in ipairs({ list(), list(0), list("x"), list(NAN), list(HUGE), list(1.5), list(1, "x"), list(1, NAN) }) do
  note(try, "Barrier: ", m.Barrier, list(m, unpack(args, 1, args.n)))
end
for _, name in ipairs({ "dict", "list", "Namespace" }) do
  note(try, name .. ": ", m[name], list(m, 5))
  note(try, "Manager:" .. name .. ": cannot send a coroutine %(at argument 1%.x%)", m[name], list(m, { x = DEAD }))
end
note(try, "Manager: nothing is registered as 'nonsense'", m.nonsense, list(m))

-- Fields, and what is not there.
local function set(thing, key, value) thing[key] = value end
local function length(thing) return #thing end
local function each(thing) return (m:pairs(thing)) end
local function call(thing, ...) return thing(...) end
local function inside(f, ...)
  local err = select(2, pcall(f, ...))
  expect.truthy(tostring(err):match("wrong_uses_of_proxies_are_named.lua:%d+: "), tostring(err))
  expect.truthy(not tostring(err.message):find("manymoons/", 1, true), tostring(err.message))
end
inside(set, plain.dict, nil, 1)
inside(set, plain.dict, NAN, 1)
inside(set, made.Queue, "items", 1)
inside(set, made.Barrier, "parties", 1)
inside(set, made.Value, "value", "x")
inside(set, made.Array, 4, 1)
inside(call, plain.dict)
inside(call, made.Lock)
inside(each, made.Lock)
if _VERSION ~= "Lua 5.1" then inside(length, made.Lock) end
local ok, err = pcall(set, plain.dict, "x", { y = DEAD })
expect.truthy(not ok and tostring(err):find("dict: cannot send a coroutine (at value.y)", 1, true), tostring(err))
expect.equal({ made.Queue.items, made.Lock.holders, made.Lock.nonsense }, { nil, nil, nil })

-- The error of a function of the script stays what it is.
ok, err = pcall(plain.list.sort, plain.list, function() error("mine", 0) end)
expect.equal({ ok, err.message }, { false, "mine" })

-- Every proxy closes twice; a later use is an error that names it. The other proxies go on.
local makers = { "dict", "list", "Namespace", "Lock", "RLock", "RWLock", "Event", "Condition", "Semaphore",
  "BoundedSemaphore" }
local uses = { dict = "len", list = "len", Namespace = "len", Event = "set", RWLock = "acquire_read" }
local function close(thing) thing:close() end
local function leave(thing) getmetatable(thing).__close(thing) end
for _, name in ipairs(makers) do
  for _, order in ipairs({ { close, close, leave }, { leave, leave, close } }) do
    local thing = m[name](m)
    for _, step in ipairs(order) do step(thing) end
    expect.truthy(tostring(thing):match("^" .. name), tostring(thing))
    local method = uses[name] or "acquire"
    expect.raises(name .. ": used after close", function() return thing[method](thing) end)
  end
end
local held = m:dict({ lock = m:Lock() })
local lock = held.lock
lock:acquire()
lock:close()
expect.equal({ held.lock:acquire(expect.HANG) }, { true, "abandoned" })

local queue, other = m:Queue(), m:Lock()
queue:put(1)
leave(queue)
queue:close()
expect.equal({ queue:get() }, { 1 })
expect.equal({ queue:get() }, { nil, "closed" })

m:close()
leave(queue)
queue:close()
other:close()
inside(function() return plain.dict.a end)
inside(function() return made.Lock:acquire() end)
wrong_uses.finish()
