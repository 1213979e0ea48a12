-- SPDX-License-Identifier: MIT
-- Runs tasks in the workers of `manymoons worker`, each in its VM: makes a function of the bytes,
-- calls it, and encodes the outcome. The signature was checked before (broker/tasks.lua).
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local codec = require("broker.codec")
local current = require("broker.current")

local pack, unpack, dumps, loads_from = checks.pack, checks.unpack, native.dumps, native.loads_from
local call_here, time = errors.call_here, native.time

local run = {}

local opened = {} -- initializers that have run in this VM

-- Whether the table is another module, or the globals, to which a module's field may lead.
local function is_elsewhere(value, module)
  if value == _G then return true end
  for name, loaded in pairs(package.loaded) do
    local is_within = name == module or tostring(name):sub(1, #module + 1) == module .. "."
    if rawequal(loaded, value) and not is_within then return true end
  end
  return false
end

-- What stands under the name in a table; for a task without a signature, as a part of the module itself: a metatable,
-- or a field that is another module, would lead to every function that there is.
local function step(value, name, module, is_trusted)
  if is_trusted then return value[name] end
  local inner = rawget(value, name)
  if type(inner) == "table" and is_elsewhere(inner, module) then return nil end
  return inner
end

local function from_name(text, is_trusted)
  local module, path = text:match("^n:([^:]+):(.+)$")
  local value = module == "_G" and _G or _G.require(module)
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then break end
    value = step(value, name, module, is_trusted)
  end
  if not checks.is_callable(value) then error("module '" .. module .. "' has no function '" .. path .. "'", 0) end
  return value
end

local function from_source(text)
  local compile = rawget(_G, "loadstring")
  local f, why
  if compile then f, why = compile(text, "=task") else f, why = load(text, "=task", "t") end
  if not f then error(why, 0) end
  return f
end

local function make(name, blob, is_trusted)
  if name then return from_name(name, is_trusted) end
  if blob:byte() == 83 then return from_source(blob:sub(2)) end -- "S"
  return loads_from("peer", blob:sub(2))
end

-- An error of the initializer is raised by each of the calls.
local function open(name, blob)
  local outcome = opened[name]
  if not outcome then
    outcome = pack(errors.call_here(identity.current().name, make(nil, blob, true)))
    opened[name] = outcome
  end
  if not outcome[1] then error(outcome[2], 0) end
end

-- Everything that is the same for all calls of a task, and of those that share its function.
local function prepare(task)
  task.name = identity.current().name
  if task.opening then open(task.opening, task.opening_blob) end
  task.made = make(task.func, task.blob, task.is_trusted)
end

-- A failure of reading or opening is passed on as it is; what the task raised has its own
-- traceback.
local function encode_failure(err)
  if getmetatable(err.value) == errors.Error then err = err.value end
  return codec.encode_failure(err)
end

local function unsendable(why)
  return codec.encode_failure(errors.of_kind("unsendable", tostring(why)))
end

local function encode(value)
  local ok, bytes = pcall(dumps, value)
  return ok and bytes or unsendable("the result cannot be sent: " .. tostring(bytes))
end

local function encode_json(values)
  local ok, text = pcall(codec.encode_foreign, values)
  return ok and text or unsendable("the result cannot be written as JSON: " .. tostring(text))
end

local function encode_item(ok, value)
  if ok then return encode(value) end
  return encode_failure(value)
end

local function encode_results(task, ok, ...)
  if not ok then return encode_failure((...)) end
  return (task.is_json and encode_json or encode)(pack(...))
end

local function arguments_of(task, bytes)
  if task.is_json then return codec.foreign_arguments(bytes) end
  return loads_from(task.is_trusted and "peer" or "stranger", bytes)
end

local function prepare_or_tell(task)
  local ok, err = errors.call_here(identity.current().name, prepare, task)
  if ok then return nil end
  task.made = nil
  if getmetatable(err.value) == errors.Error then return codec.encode_failure(err.value) end
  return unsendable(err.message)
end

-- task: func (a name) or blob, opening, opening_blob, mode, is_trusted, is_json, and what was made of them
-- before; it is one for all tasks of a submission, or of a function without upvalues. id, token: of a call
-- (broker/current.lua). → the outcome; and for a call, the nanoseconds it took
function run.call(task, bytes, id, token)
  local why = not task.made and prepare_or_tell(task)
  if why then return why, 0 end
  local ok, value = pcall(arguments_of, task, bytes)
  if not ok then return unsendable(value), 0 end
  if task.mode == codec.MAP then return encode_item(call_here(task.name, task.made, value)) end
  if task.mode == codec.STARMAP then
    return encode_item(errors.call_with_list(task.name, task.made, value))
  end
  local begun = time()
  current.begin(id, token)
  local outcome = encode_results(task, call_here(task.name, task.made, unpack(value, 1, value.n or #value)))
  current.finish()
  return outcome, (time() - begun) * 1e9
end

return run
