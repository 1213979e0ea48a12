-- SPDX-License-Identifier: MIT
-- How a task, a function and a result are written down, and how they are signed. Nothing is decoded
-- before its signature was checked (or, without secrets, decoded as data alone).
--
--   task      client, seq (its number at the client), func, init (names of functions; "": none), flags, body, mac
--   flags     "mode count timeout retries expiry copy" (copy 0: any copy of the function will do; or the number of the
--             submission that it is of)
--   function  "n:module:name" is named; "f:<sha256>" is a blob that the broker keeps; "b:" and a blob travels with its
--             task; blob: "S" and source, or "B" and bytes of mm.dumps
--   body      mode 0: the bytes of the arguments; mode 1 and 2 (map, starmap): the bytes of a list of such bytes
--   outcome   the bytes of results (of one result, for an item); or "e" and the bytes of a failure; for a list the
--             bytes of a list of these
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local hex = require("core.hex")
local foreign = require("pool.foreign")
local protocol = require("pool.protocol")

local codec = {}

local CALL = protocol.CALL
codec.CALL, codec.MAP, codec.STARMAP = CALL, protocol.MAP, protocol.STARMAP
codec.SIGNED_SECONDS = 24 * 3600 -- for so long a task's signature is good
codec.CLIENT_MAX = 64 -- what is longer names no client
local SEQ_MAX = 16
local FAILURE = ("e"):byte() -- bytes of mm.dumps begin with another

-- Signatures ---------------------------------------------------------------------------------------------------------

local sign = native.sign -- each part with its length, so that nothing can move from one to the next

local function is_signed(secrets, signature, ...)
  for _, secret in ipairs(secrets) do
    if native.is_same(signature, sign(secret, ...)) then return true end
  end
  return false
end

function codec.sign_task(secrets, pool, task)
  if not secrets[1] then return "" end
  return sign(secrets[1], "manymoons task 1", pool, task.client, task.seq, task.func, task.init, task.flags, task.body)
end

function codec.is_task_signed(secrets, pool, task)
  return is_signed(secrets, task.mac, "manymoons task 1", pool, task.client, task.seq, task.func, task.init,
    task.flags, task.body)
end

function codec.sign_result(secrets, pool, task, kind, payload)
  if not secrets[1] then return "" end
  return sign(secrets[1], "manymoons result 1", pool, task.client, task.seq, kind, payload)
end

function codec.is_result_signed(secrets, pool, task, kind, payload, mac)
  return is_signed(secrets, mac, "manymoons result 1", pool, task.client, task.seq, kind, payload)
end

-- Functions ----------------------------------------------------------------------------------------------------------

function codec.digest(blob) return hex(native.sha256(blob)) end

-- A C function travels by its name among the loaded modules, and so does nothing else.
local function name_of(f)
  if debug.getinfo(f, "S").what ~= "C" then return nil end
  for module, content in pairs(package.loaded) do
    if type(content) == "table" and type(module) == "string" and module ~= "_G" then
      for name, value in pairs(content) do
        if rawequal(value, f) and type(name) == "string" then return module .. ":" .. name end
      end
    end
  end
  for name, value in pairs(_G) do
    if rawequal(value, f) then return "_G:" .. tostring(name) end
  end
end

-- Handles, coroutines and the like; what stands for something on this machine alone is called that.
local function explain(why)
  local text = checks.bare(why)
  if text:find("as bytes", 1, true) then
    return "NotDistributable: " .. text:gsub(" as bytes", " to another machine")
  end
  return text
end

local function dumps_arguments(args)
  local ok, bytes = pcall(native.dumps, args)
  if ok then return bytes end
  checks.fail("Pool: the task cannot be sent: " .. explain(bytes):gsub("%(at value%[(%d+)%]", "(at argument %1"))
end

-- → { func =, blob =, is_bytecode = }; blob: what f:<sha256> is the digest of
function codec.function_of(f)
  if type(f) == "string" then
    if f:find("^[%w_.-]+:[%w_.]+$") then return { func = "n:" .. f } end
    local compile = rawget(_G, "loadstring") or load
    local chunk, why = compile(f, "=task")
    if not chunk or f:byte() == 27 then checks.fail("Pool: the function's source: " .. tostring(why or "bytecode")) end
    local blob = "S" .. f
    return { func = "f:" .. codec.digest(blob), blob = blob }
  end
  local name = type(f) == "function" and name_of(f)
  if name then return { func = "n:" .. name } end
  local ok, bytes = pcall(native.dumps, f)
  if not ok then checks.fail("Pool: the function cannot be sent: " .. explain(bytes)) end
  local blob = "B" .. bytes
  return { func = "f:" .. codec.digest(blob), blob = blob, is_bytecode = true }
end

-- Body and flags -----------------------------------------------------------------------------------------------------

function codec.encode_body(task)
  if task.mode == CALL then return dumps_arguments(task.args) end
  local items = {}
  for i = 1, task.count do
    local ok, bytes = pcall(native.dumps, task.list[task.first + i - 1])
    if not ok then
      checks.fail("Pool: the task cannot be sent: " .. explain(bytes):gsub("%(at value", "(at item " .. i))
    end
    items[i] = bytes
  end
  return native.dumps(items)
end

-- The same text for all tasks of one second that differ in nothing else.
local flags_text, flags = nil, {}

function codec.encode_flags(task)
  local now, copy = os.time(), task.entry.copy or 0
  if flags.now == now and flags.copy == copy and flags.mode == task.mode and flags.count == task.count
    and flags.timeout == task.timeout and flags.retries == task.retries then
    return flags_text
  end
  flags.now, flags.copy, flags.mode, flags.count = now, copy, task.mode, task.count
  flags.timeout, flags.retries = task.timeout, task.retries
  flags_text = string.format("%d %d %.17g %d %d %d", task.mode, task.count, task.timeout or 0, task.retries or 0,
    now + codec.SIGNED_SECONDS, copy)
  return flags_text
end

-- The same flags, good for so long from now on.
function codec.renew_flags(text)
  return (text:gsub("^(%S+ %S+ %S+ %S+ )%d+", "%1" .. string.format("%d", os.time() + codec.SIGNED_SECONDS), 1))
end

local last_text, last_flags

local function parse_flags(text)
  local mode, count, timeout, retries, expiry, copy = text:match("^(%d) (%d+) (%S+) (%d+) (%d+) (%d+)$")
  if not mode then return nil end
  timeout = tonumber(timeout)
  return {
    mode = tonumber(mode), count = tonumber(count), timeout = timeout and timeout > 0 and timeout or nil,
    retries = tonumber(retries), expiry = tonumber(expiry), copy = copy,
  }
end

function codec.decode_flags(text)
  if text ~= last_text then last_text, last_flags = text, parse_flags(text) end
  return last_flags
end

-- Whether its client and number can name a task.
function codec.is_named(task)
  return #task.client > 0 and #task.client <= codec.CLIENT_MAX and #task.seq <= SEQ_MAX
    and task.seq:find("^%d+$") ~= nil
end

-- A list of texts, or nil. The bytes need not be trusted.
function codec.decode_list(bytes, count)
  local ok, list = pcall(native.loads_from, "stranger", bytes)
  if not ok or type(list) ~= "table" then return nil end
  for i = 1, count do
    if type(list[i]) ~= "string" then return nil end
  end
  return list
end

-- Outcomes -----------------------------------------------------------------------------------------------------------

-- err: an mm.Error, or a table like one
function codec.encode_failure(err)
  local failure = {
    message = tostring(err.message), traceback = tostring(err.traceback or ""), kind = err.kind or "error",
    worker = err.worker and tostring(err.worker), exitcode = err.exitcode,
  }
  if not rawequal(err.value, err.message) then
    local ok, bytes = pcall(native.dumps, err.value)
    if ok then failure.value = bytes end
  end
  return "e" .. native.dumps(failure)
end

local function text_of(value) return type(value) == "string" and value or nil end

local function decode_failure(bytes, trust)
  local ok, failure = pcall(native.loads_from, "stranger", bytes)
  if not ok or type(failure) ~= "table" then
    return errors.of_kind("unsendable", "the failure cannot be read: " .. tostring(failure))
  end
  local err = errors.new_error({
    message = text_of(failure.message) or "", traceback = text_of(failure.traceback) or "",
    kind = text_of(failure.kind) or "error", worker = text_of(failure.worker),
  }, nil, type(failure.exitcode) == "number" and failure.exitcode or nil)
  if text_of(failure.value) then
    local has_value, value = pcall(native.loads_from, trust, failure.value)
    if has_value then err.value = value end
  end
  return err
end

-- true and what was encoded: a table of results with n for a call, a value for an item; or false
-- and an mm.Error
function codec.decode_outcome(text, is_trusted)
  local trust = is_trusted and "peer" or "stranger"
  if text:byte() == FAILURE then return false, decode_failure(text:sub(2), trust) end
  local ok, value = pcall(native.loads_from, trust, text)
  if ok then return true, value end
  return false, errors.of_kind("unsendable", tostring(value))
end

-- The outcome of a sandboxed worker, which clients will trust: what it is as data, in bytes of this VM.
function codec.only_data(text)
  if type(text) ~= "string" then return codec.encode_failure(errors.new_error(foreign.failure(nil))) end
  local is_failure = text:byte() == FAILURE
  local ok, result = pcall(function()
    local value = native.loads(is_failure and text:sub(2) or text)
    return is_failure and errors.new_error(foreign.failure(value)) or native.dumps(value)
  end)
  if ok and not is_failure then return result end
  if ok then return codec.encode_failure(result) end
  return codec.encode_failure(errors.of_kind("unsendable", "the result of a sandboxed worker: " .. tostring(result)))
end

function codec.is_failure(text) return text:byte() == FAILURE end

return codec
