-- SPDX-License-Identifier: MIT
-- How a task, a function and a result are written down, and how they are signed. Nothing is decoded
-- before its signature was checked (or, without secrets, decoded as data alone).
--
--   task      client, seq (its number at the client), func, init (names of functions; "": none), flags, body, mac
--   flags     "mode count timeout retries expiry copy" (copy 0: any copy of the function will do; or the number of the
--             submission that it is of); of a posted task also "ttl backoff", and
--             "count/unit" where the runs of its function are limited
--   function  "n:module:name" is named; "f:<sha256>" is a blob that the broker keeps; "b:" and a blob travels with its
--             task; blob: "S" and source, or "B" and bytes of mm.dumps
--   body      mode 0: the bytes of the arguments; mode 1 and 2 (map, starmap): the bytes of a list of such bytes
--   posted    its client is "t:" and a name; number 0 is of a task that came as JSON (read_foreign)
--   outcome   the bytes of results (of one result, for an item); or "e" and the bytes of a failure; for a list the
--             bytes of a list of these
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local hex = require("core.hex")
local json = require("core.json")
local foreign = require("pool.foreign")
local protocol = require("pool.protocol")

local codec = {}

local CALL = protocol.CALL
codec.CALL, codec.MAP, codec.STARMAP = CALL, protocol.MAP, protocol.STARMAP
codec.SIGNED_SECONDS = 24 * 3600 -- for so long a task's signature is good
codec.POSTED_SECONDS = 7 * 24 * 3600 -- and that of a posted task, from when it is due
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

local function parts_of_schedule(pool, s)
  return "manymoons schedule 1", pool, s.name, s.cron, s.catchup, s.func, s.init, s.flags, s.body, s.abi, s.priority,
    s.limit
end

-- Its signature, and a text that changes with whatever it says.
function codec.sign_schedule(secrets, pool, schedule)
  local version = hex(sign("version", parts_of_schedule(pool, schedule)))
  return secrets[1] and sign(secrets[1], parts_of_schedule(pool, schedule)) or "", version
end

function codec.is_schedule_signed(secrets, pool, schedule)
  return is_signed(secrets, schedule.mac, parts_of_schedule(pool, schedule))
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
function codec.renew_flags(text, seconds)
  return (text:gsub("^(%S+ %S+ %S+ %S+ )%d+", "%1" .. string.format("%d", os.time() + seconds), 1))
end

-- Of a task that is posted.
function codec.posted_flags(timeout, retries, copy, expiry, ttl, backoff, rate)
  return string.format("%d 1 %.17g %d %.0f %d %.17g %.17g%s", CALL, timeout or 0, retries, expiry, copy, ttl, backoff,
    rate and " " .. rate or "")
end

-- A task's priority as its entry has it: "" is the usual one.
function codec.priority_text(value) return value and value ~= 5 and string.format("%d", value) or "" end

-- How many tasks with a key, or of a function, may run at once, as an entry has it: "count digest"; "": any number.
function codec.limit_text(at_most, key, func)
  if not at_most then return "" end
  return string.format("%d %s", at_most, codec.digest(key and "key " .. key or "function " .. func))
end

-- → count and digest; "" where there is no limit
function codec.read_limit(text)
  local count, digest = text:match("^([1-9]%d*) (%x+)$")
  if not count or #count > 9 or #digest ~= 64 then return nil, "" end
  return tonumber(count), digest
end

local UNITS = { s = 1, m = 60, h = 3600, d = 86400 }

-- "100/m" → { count =, seconds = }; nil: it says no rate
function codec.read_rate(text)
  local count, unit = text:match("^([1-9]%d*)/([smhd])$")
  if not count or #count > 9 then return nil end
  return { count = tonumber(count), seconds = UNITS[unit] }
end

local last_text, last_flags

local function parse_flags(text)
  local mode, count, timeout, retries, expiry, copy, rest =
    text:match("^(%d) (%d+) (%S+) (%d+) (%d+) (%d+)(.*)$")
  if not mode then return nil end
  timeout = tonumber(timeout)
  local ttl, pause, rate = rest:match("^ (%S+) (%S+) ?(%S*)$")
  if rest ~= "" and not ttl then return nil end
  return {
    mode = tonumber(mode), count = tonumber(count), timeout = timeout and timeout > 0 and timeout or nil,
    retries = tonumber(retries), expiry = tonumber(expiry), copy = copy, ttl = tonumber(ttl) or codec.TTL,
    backoff = tonumber(pause) or codec.BACKOFF, rate = rate and codec.read_rate(rate) or nil,
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

-- Posted tasks -------------------------------------------------------------------------------------------------------

codec.TTL, codec.BACKOFF = 3600, 1 -- seconds
codec.SCHEDULED = "t:cron." -- the client of a schedule's tasks, before its name

function codec.is_posted(task)
  return #task.client <= codec.CLIENT_MAX and task.client:find("^t:[%w_.-]+$") ~= nil and #task.seq <= SEQ_MAX
    and task.seq:find("^%d+$") ~= nil
end

-- What names a posted task within its pool, and the other way round.
function codec.name_of(task) return task.client:sub(3) .. (task.seq == "0" and "" or "-" .. task.seq) end

function codec.task_named(name)
  local client, seq = name:match("^(%x+)%-([1-9]%d*)$")
  if not client or #client ~= 24 then client, seq = name:match("^(cron%..+)%-([1-9]%d*)$") end
  if client and #seq <= SEQ_MAX then return { client = "t:" .. client, seq = seq } end
  return { client = "t:" .. name, seq = "0" }
end

-- Of a task or a dead letter: "module:function", or the place of a function without a name, or "source".
function codec.function_shown(task)
  if task.label and task.label ~= "" then return task.label end
  local func = task.func or ""
  return func:match("^n:(.*)$") or func:sub(1, 1) == "b" and "code" or func
end

-- "module:function" and "module.function" → the name of a function as tasks have it; nil: it is none
function codec.function_named(text)
  local module, path = text:match("^([%w_.-]+):([%w_.]+)$")
  if not module then module, path = text:match("^([%w_.-]+)%.([%a_][%w_]*)$") end
  return module and "n:" .. module .. ":" .. path
end

-- name → default, least, most, and whether it is a whole number
local FOREIGN = {
  timeout = { 0, 0, 2 ^ 31 }, retries = { 2, 0, 2 ^ 31, true }, ttl = { codec.TTL, 0, 2 ^ 31 },
  backoff = { codec.BACKOFF, 0, 2 ^ 31 }, delay = { 0, 0, 2 ^ 31 }, at = { false, 0, 2 ^ 40 },
}

local FOREIGN_OTHERS = { id = true, ["function"] = true, args = true, secret = true, rate = true, at_most = true,
  key = true }

local function read_numbers(about)
  local found = {}
  for name, rule in pairs(FOREIGN) do
    local value = about[name]
    if value == nil then value = rule[1] end
    if value and not (type(value) == "number" and value >= rule[2] and value <= rule[3]
      and (not rule[4] or value % 1 == 0)) then
      error(name .. ": a number, " .. rule[2] .. " or more, expected", 0)
    end
    found[name] = value
  end
  return found
end

local function read_limit(about, func)
  local at_most, key = about.at_most, about.key
  if at_most ~= nil and not checks.is_whole(at_most, 1, 999999999) then
    error("at_most: a whole number, 1 or more, expected", 0)
  end
  if key ~= nil and type(key) ~= "string" then error("key: a text expected", 0) end
  if key and not at_most then error("key: only with at_most", 0) end
  return codec.limit_text(at_most, key, func)
end

local function read_form(task, about)
  local func = type(about["function"]) == "string" and codec.function_named(about["function"])
  if not func then error("function: 'module:function' expected", 0) end
  if about.args ~= nil and type(about.args) ~= "table" then error("args: a list expected", 0) end
  for name in pairs(about) do
    if not FOREIGN_OTHERS[name] and not FOREIGN[name] then
      error(native.printable(name) .. ": no such field", 0)
    end
  end
  local numbers = read_numbers(about)
  task.func, task.label, task.at, task.delay = func, func:sub(3), numbers.at or nil, numbers.delay
  task.is_hidden = about.secret == true
  if about.rate ~= nil and not (type(about.rate) == "string" and codec.read_rate(about.rate)) then
    error("rate: '100/m' and the like expected", 0)
  end
  task.flags = codec.posted_flags(numbers.timeout, numbers.retries, 0, 2 ^ 40, numbers.ttl, numbers.backoff,
    about.rate)
  task.limit = read_limit(about, func)
end

-- A task of a program of another language: task.json → its other fields. What is wrong stands in task.malformed; one
-- without a right id has no client.
function codec.read_foreign(task)
  local about, why = json.decode(task.json)
  task.client, task.seq, task.func, task.init, task.mac, task.body = "", "0", "", "", "", task.json
  task.limit = ""
  task.flags = codec.posted_flags(0, 0, 0, 2 ^ 40, codec.TTL, codec.BACKOFF)
  local id = type(about) == "table" and about.id
  if type(id) ~= "string" or not id:find("^[%w_.-]+$") or #id > codec.CLIENT_MAX - 2 or id:find("^cron%.") then
    task.malformed = why or "id: up to 62 letters, digits, '_', '.' and '-' expected, and not 'cron.' first"
    return
  end
  task.client = "t:" .. id
  local ok, fault = pcall(read_form, task, about)
  if not ok then task.malformed = fault end
end

-- The arguments in the JSON of such a task, with their count.
function codec.foreign_arguments(text)
  local args, count = json.decode(text).args or {}, 0
  for place in pairs(args) do
    if type(place) ~= "number" then error("args: a list expected", 0) end
    count = math.max(count, place)
  end
  args.n = count
  return args
end

-- The JSON of such a task with other arguments ({ n = }); raises what cannot be in it.
function codec.replace_arguments(text, args)
  local about = json.decode(text)
  about.args = nil
  local rest = json.encode(about)
  return rest:sub(1, -2) .. ',"args":' .. codec.encode_foreign(args) .. "}"
end

local DEEPEST = 100

local function check_json(value, depth)
  local kind = type(value)
  if kind == "table" then
    if depth == 0 then error("a table within itself, or 100 deep", 0) end
    for key, inner in pairs(value) do
      if type(key) ~= "string" and type(key) ~= "number" then error("a key that is a " .. type(key), 0) end
      check_json(inner, depth - 1)
    end
  elseif kind ~= "nil" and kind ~= "boolean" and kind ~= "number" and kind ~= "string" then
    error("a " .. kind, 0)
  end
  return value
end

-- Results, with n, as a JSON list; raises what cannot be in it.
function codec.encode_foreign(values)
  local texts = {}
  for i = 1, values.n do texts[i] = json.encode(check_json(values[i], DEEPEST)) end
  return "[" .. table.concat(texts, ",") .. "]"
end

-- The outcome of such a task, as its program reads it: the results' JSON, or a failure as others have it.
function codec.foreign_outcome(text)
  if text:byte() ~= FAILURE then return '{"ok":true,"results":' .. text .. "}" end
  local err = codec.failure_of(text)
  return json.encode({ ok = false, error = { message = err.message, kind = err.kind, traceback = err.traceback,
    worker = err.worker } })
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

function codec.failure_of(text) return decode_failure(text:sub(2), "stranger") end

-- true and the results in the outcome of a task that came as JSON, or false and an mm.Error
function codec.decode_foreign_outcome(text)
  local about = json.decode(text)
  if type(about) ~= "table" then return false, errors.of_kind("unsendable", "the outcome cannot be read") end
  local results = about.results
  if about.ok and type(results) == "table" then
    results.n = 0
    for place in pairs(results) do results.n = type(place) == "number" and math.max(results.n, place) or results.n end
    return true, results
  end
  local failure = type(about.error) == "table" and about.error or {}
  return false, errors.new_error({
    message = text_of(failure.message) or "", traceback = text_of(failure.traceback) or "",
    kind = text_of(failure.kind) or "error", worker = text_of(failure.worker),
  })
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
function codec.only_data(text, is_json)
  if is_json and type(text) == "string" and text:byte() ~= FAILURE then return text end
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
