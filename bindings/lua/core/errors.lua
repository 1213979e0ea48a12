-- SPDX-License-Identifier: MIT
-- mm.Error: the error of a failed call, raised where the caller asks for the result; and protected calls.
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")

local pack, unpack = checks.pack, checks.unpack

local Error = {}
Error.__index = Error
Error.__name = "mm.Error"

-- "in item 3 of map, worker PoolWorker-2:\n"; "" of an error that no call of a pool had.
local function head_of(self)
  if not self.call then return "" end
  return "in " .. tostring(self.call) .. (self.worker and ", worker " .. tostring(self.worker) or "") .. ":\n"
end

-- The messages of the other tasks of a group that failed as well.
local function also_failed(self)
  local texts = {}
  for i = 2, rawget(self, "is_of_group") and #self.errors or 0 do texts[i - 1] = tostring(self.errors[i].message) end
  if #texts == 0 then return "" end
  return ("\n%d more failed: %s"):format(#texts, table.concat(texts, "; "))
end

function Error.__tostring(self)
  local text = head_of(self) .. tostring(self.message) .. also_failed(self)
  if self.traceback and self.traceback ~= "" then text = text .. "\n" .. self.traceback end
  if self.raised_at and self.raised_at ~= "" then text = text .. "\nraised again here:\n" .. self.raised_at end
  return text
end

local errors = { Error = Error }

-- The text of an error value, as the program `lua` prints it; a __tostring that fails gives none.
function errors.text_of(value)
  if type(value) == "string" or type(value) == "number" then return tostring(value) end
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.__tostring then
    local ok, text = pcall(tostring, value)
    if ok and type(text) == "string" then return text end
  end
  return "(error object is a " .. type(value) .. " value)"
end

-- An mm.Error from a failure (core/failure.h) of this program, or of a sender who is trusted less, as `trust` or
-- failure.trust says. A value that cannot be decoded here is replaced by the message.
function errors.new_error(failure, worker, exitcode, trust)
  if getmetatable(failure) == Error then return failure end
  local self = setmetatable({
    message = failure.message,
    value = failure.message,
    traceback = failure.traceback,
    kind = failure.kind,
    worker = failure.worker or worker,
    exitcode = exitcode,
  }, Error)
  if failure.value then
    local ok, value = pcall(native.loads_from, trust or failure.trust or "own program", failure.value)
    if ok then self.value = value end
  end
  return self
end

-- Notes the call of a pool that failed, "item 3 of map" or "submit", for the first line of the error's text.
function errors.note_call(err, call)
  if getmetatable(err) == Error and not rawget(err, "call") then err.call = call end
  return err
end

-- An mm.Error of this library's own.
function errors.of_kind(kind, message, worker, exitcode)
  return errors.new_error({ kind = kind, message = message, traceback = "" }, worker, exitcode)
end

native.set_error_maker(errors.of_kind) -- for C code (vm/state/raise.h)

function errors.timeout_error(seconds, name)
  return errors.of_kind("timeout", string.format("the call took longer than %g s", seconds), name)
end

local function exit_text(code, refusal)
  if refusal then return "the sandbox refused the system call " .. refusal end
  if code and code < 0 then return "killed by signal " .. -code end
  return "exit code " .. tostring(code)
end

-- The worker `name` died; refusal: by its sandbox, because of that system call.
function errors.died_error(name, code, what, refusal)
  local text = string.format("worker %s died (%s) %s", name, exit_text(code, refusal), what)
  return errors.of_kind("died", text, name, code)
end

-- Raises an mm.Error of that kind, whose message begins with the place of the script's call.
function errors.raise_kind(kind, text) errors.raise(errors.of_kind(kind, native.place() .. text)) end

-- Raises an mm.Error, and notes the stack of the first time.
function errors.raise(err)
  if not err.raised_at then err.raised_at = native.traceback():gsub("^stack traceback:\n?", "") end
  error(err, 0)
end

local handlers = setmetatable({}, { __mode = "v" }) -- by the worker's name

-- A message handler that turns an error value into an mm.Error of the worker `name`.
function errors.handler_of(name)
  if handlers[name] then return handlers[name] end
  handlers[name] = function(value)
    if native.is_caught() then return value end
    value = native.shown_error(value)
    return setmetatable({
      message = errors.text_of(value),
      value = value,
      traceback = native.traceback(),
      kind = getmetatable(value) == Error and value.kind == "deadlock" and value.kind or "error",
      worker = name,
    }, Error)
  end
  return handlers[name]
end

-- xpcall of PUC Lua 5.1 does not pass arguments to the function.
errors.passes_arguments = select(2, xpcall(function(...) return select("#", ...) end, print, 1)) == 1

local function protected(name, f, ...)
  if errors.passes_arguments then return xpcall(f, errors.handler_of(name), ...) end
  local args = pack(...)
  return xpcall(function() return f(unpack(args, 1, args.n)) end, errors.handler_of(name))
end

-- Lua calls no handler where it lacks memory.
local function as_error(name, value)
  if getmetatable(value) == Error then return value end
  return setmetatable({ message = errors.text_of(value), value = value, traceback = "", kind = "error", worker = name },
    Error)
end

local function pass_end(name, ok, ...)
  if waits.is_ending() and (not ok or waits.has_exited()) then error("interrupted", 0) end
  if ok then return true, ... end
  return false, as_error(name, (...))
end

-- Calls f as the worker `name` would: true and the results; or false and an mm.Error.
function errors.call_here(name, called, ...) return pass_end(name, protected(name, called, ...)) end

local function call_with(f, list)
  if type(list) ~= "table" then checks.fail("starmap: an item: a list of arguments expected, got " .. type(list)) end
  return f(unpack(list, 1, checks.argument_count(list, "starmap", "an item")))
end

-- The same with the arguments in a list, which comes from the script.
function errors.call_with_list(name, f, list) return errors.call_here(name, call_with, f, list) end

return errors
