-- SPDX-License-Identifier: MIT
-- Wrong uses of functions, each made in several ways: called directly, as a tail call, by pcall, in a coroutine and in
-- a task. The message begins with the place of the script's call, here, names the function as the script wrote it, and
-- has nothing of the library's inside.
local mm = require "manymoons"
local expect = require "expect"

local wrong_uses = {}

local unpack = table.unpack or unpack
local function list(...) return { n = select("#", ...), ... } end
wrong_uses.list, wrong_uses.unpack = list, unpack

-- Ways of calling ---------------------------------------------------------------------------------------------------

local ways, lines = {}, {}
function ways.directly(f, ...)
  local result = f(...) -- called directly
  return result
end
function ways.as_a_tail_call(f, ...) return f(...) end
function ways.by_pcall(f, ...)
  local ok, err = pcall(f, ...) -- called by_pcall
  if not ok then error(err, 0) end
end
function ways.in_a_coroutine(f, ...)
  local args = list(...)
  local ok, err = coroutine.resume(coroutine.create(function()
    local result = f(unpack(args, 1, args.n)) -- called in_a_coroutine
    return result
  end))
  if not ok then error(err, 0) end
end
function ways.as_a_tail_call_in_a_task(f, ...)
  local args = list(...)
  local task = mm.async.spawn(function() return f(unpack(args, 1, args.n)) end) -- called as_a_tail_call_in_a_task
  local ok, err = pcall(task.get, task)
  if not ok then error(err.message, 0) end
end

-- The checks --------------------------------------------------------------------------------------------------------

local own = debug.getinfo(1, "S")
local own_path, number = own.short_src, 0
for line in io.lines(own.source:sub(2)) do
  number = number + 1
  local how = line:match("%-%- called ([%w_]+)$")
  if how then lines[how] = number end
end

local insides = { "native", "manymoons/", "'%?'", " %?", "local '", "upvalue", "attempt to", "Local",
  "table: 0x", "%-nan" }

-- beginnings: patterns, with one of which the text after the place has to begin.
local function check(beginnings, message, how, what)
  if getmetatable(message) == mm.Error then message = message.message end
  what = what .. ", " .. how .. ": got " .. tostring(message)
  expect.equal(type(message), "string", what)
  expect.equal(message:sub(1, #own_path), own_path, what)
  local rest = message:sub(#own_path + 1)
  expect.equal(rest:match("^:(%d+): "), tostring(lines[how] or rest:match("^:(%d+): ")), what)
  local text = rest:gsub("^:%d+: ", "")
  local is_named = false
  for _, beginning in ipairs(beginnings) do is_named = is_named or text:find("^" .. beginning) ~= nil end
  expect.truthy(is_named, what .. "; wanted the function's name")
  for _, inside in ipairs(insides) do
    if text:find(inside) and not text:find("with '?%?", 1) then error(what .. "; it has " .. inside, 0) end
  end
  if text:find(own_path, 1, true) then error(what .. "; it has a second place", 0) end
end

local function show(args)
  local texts = {}
  for i = 1, args.n do texts[i] = tostring(args[i]) end
  return "(" .. table.concat(texts, ", ") .. ")"
end

-- Calls f with the arguments in all ways. beginnings: a list, or one.
function wrong_uses.try(beginnings, f, args, what)
  beginnings = type(beginnings) == "table" and beginnings or { beginnings }
  what = what or beginnings[1] .. " with " .. show(args)
  for how, call in pairs(ways) do
    local ok, message = pcall(call, f, unpack(args, 1, args.n))
    if ok then error(what .. ", " .. how .. ": it was taken; got " .. tostring(message), 0) end
    check(beginnings, message, how, what)
  end
end

-- The failures are collected; `finish` raises them all.
local failures = {}
function wrong_uses.note(f, ...)
  local ok, message = pcall(f, ...)
  if not ok then failures[#failures + 1] = tostring(message) end
end

function wrong_uses.finish()
  if #failures > 0 then error(#failures .. " wrong messages:\n" .. table.concat(failures, "\n"), 0) end
end

return wrong_uses
