-- SPDX-License-Identifier: MIT
-- What the workers of `manymoons worker` do, each in its VM: makes a function of what came, calls it, and writes down
-- what became of it. The bytes were checked by who gives them (engine_tasks.lua).
local private, engine = ...

local wire = engine.part("wire")
local pack, unpack = private.pack, private.unpack

local run = {}

local opened = {} -- initializers that have run in this VM

local function from_name(text)
  local module, path = text:match("^n:([^:]+):(.+)$")
  local value = module == "_G" and _G or require(module)
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then break end
    value = value[name]
  end
  if not private.is_callable(value) then error("module '" .. module .. "' has no function '" .. path .. "'", 0) end
  return value
end

local function from_source(text)
  local compile = rawget(_G, "loadstring")
  local f, why
  if compile then f, why = compile(text, "=task") else f, why = load(text, "=task", "t") end
  if not f then error(why, 0) end
  return f
end

local function make(name, blob)
  if name then return from_name(name) end
  if blob:byte() == 83 then return from_source(blob:sub(2)) end -- "S"
  return private.loads(blob:sub(2), { functions = true })
end

-- What it raised is raised by each of the calls.
local function open(name, blob)
  local outcome = opened[name]
  if not outcome then
    outcome = pack(private.call_here(private.current().name, make(nil, blob)))
    opened[name] = outcome
  end
  if not outcome[1] then error(outcome[2], 0) end
end

-- What cannot be read here fails as what cannot be sent.
local function read(f, ...)
  local ok, value = pcall(f, ...)
  if ok then return value end
  error(private.new_error({ kind = "unsendable", message = tostring(value), traceback = "" }), 0)
end

local function call(task, bytes)
  if task.opening then open(task.opening, task.opening_blob) end
  local f = task.made or read(make, task.f, task.blob)
  task.made = f
  local value = read(private.loads, bytes, { functions = task.is_trusted })
  if task.mode == wire.MAP then return f(value) end
  return f(unpack(value, 1, value.n or #value))
end

local function encode(ok, ...)
  if not ok then
    local err = ...
    -- an mm.Error that was raised again, by what reads or by the task itself
    if getmetatable(err.value) == private.public.Error then err = err.value end
    return wire.encode_failure(err)
  end
  local is_sent, bytes = pcall(private.dumps, pack(...))
  if is_sent then return "v" .. bytes end
  return wire.encode_failure({ kind = "unsendable", message = "the result cannot be sent: " .. tostring(bytes) })
end

-- task: f (a name) or blob, opening, opening_blob, mode, is_trusted, and what was made of them before; it is one for all tasks of
-- a submission, or of a function without upvalues. → the outcome; and for a call, the nanoseconds it took
function run.call(task, bytes)
  if task.mode ~= wire.CALL then return encode(private.call_here(private.current().name, call, task, bytes)) end
  local begun = private.time()
  local outcome = encode(private.call_here(private.current().name, call, task, bytes))
  return outcome, (private.time() - begun) * 1e9
end

return run
