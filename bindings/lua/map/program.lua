-- SPDX-License-Identifier: MIT
-- The code that `manymoons map` runs for each line, on the side of the workers. It is compiled once in each VM, by its
-- text, and so is --init run.
--
--   plan   what the command line says: code, init, reduce, is_json, is_filter, items ("lines", "files" or "pieces")
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local json = require("core.json")
local waits = require("core.waits")

local program = {}

local SHOWN_MOST = 60 -- bytes of a line in a message
local LOGGED_MOST = 200 -- and in a log
local EPOCH = os.time() - native.time() -- by this clock
local compile_text = rawget(_G, "loadstring") or load

-- Compiling -----------------------------------------------------------------------------------------------------------

-- The function of a code: an expression, or statements; nil and why. The code alone is compiled first, so that an `end`
-- too many ends no function of this file.
local function compile(code, parameters, name)
  local why
  for _, body in ipairs({ "return " .. code, code }) do
    local is_right
    is_right, why = compile_text("local " .. parameters .. " = ...; " .. body, "=" .. name)
    if is_right then return compile_text("return function(" .. parameters .. ") " .. body .. "\nend", "=" .. name)() end
  end
  return nil, why
end

local PARAMETERS = { lines = "x, n", files = "x, n, f, lines", pieces = "x, n, lines" }

local function parameters_of(plan)
  if plan.is_json and plan.items == "lines" then return "x, n, v, value" end
  return PARAMETERS[plan.items]
end

-- Why the texts of a plan do not compile; nil: they do.
function program.fault(plan)
  local _, why = compile(plan.code, parameters_of(plan), "code")
  if not why and plan.reduce then _, why = compile(plan.reduce, "a, b", "--reduce") end
  if not why and plan.init then _, why = compile_text(plan.init, "=--init") end
  return why
end

local function new_program(plan)
  local self = { plan = plan, call = assert(compile(plan.code, parameters_of(plan), "code")) }
  if plan.reduce then self.fold = assert(compile(plan.reduce, "a, b", "--reduce")) end
  if plan.init then assert(compile_text(plan.init, "=--init"))() end
  return self
end

local made = {} -- by the bytes of their plans; false: --init is running

-- The program of a plan's bytes. In a VM with many workers the first one runs --init, and the others wait for its end.
local function find(bytes)
  while made[bytes] == false do waits.sleep(0.001) end
  if made[bytes] then return made[bytes] end
  made[bytes] = false
  local ok, found = pcall(new_program, native.loads(bytes))
  made[bytes] = ok and found or nil
  if not ok then error(found, 0) end
  return found
end

-- What is called for a line -------------------------------------------------------------------------------------------

local function decode(text)
  local value, why = json.decode(text)
  if value == nil and why then error(why, 0) end
  return value
end

local function decoding(next_line)
  return function()
    local line = next_line()
    if line ~= nil then return decode(line) end
  end
end

local function lines_of_piece(piece)
  local next_line = piece:gmatch("([^\n]*)\n?")
  local left = select(2, piece:gsub("\n", "\n")) + 1
  return function()
    if left == 0 then return nil end
    left = left - 1
    return next_line()
  end
end

-- As io.lines, but the error names no place of this file.
local function lines_of_file(path)
  local function pass(ok, first, ...)
    if not ok then error(first, 0) end
    return first, ...
  end
  return pass(pcall(io.lines, path))
end

-- f(x, n): the user's function with what it gets beside the line.
local function caller_of(self)
  local call, plan = self.call, self.plan
  if plan.items == "lines" then
    if not plan.is_json then return call end
    return function(x, n)
      local value = decode(x)
      return call(x, n, value, value)
    end
  end
  local open = plan.items == "files" and lines_of_file or lines_of_piece
  local function lines_of(x)
    if not plan.is_json then return function() return open(x) end end
    return function() return decoding(open(x)) end
  end
  if plan.items == "pieces" then return function(x, n) return call(x, n, lines_of(x)) end end
  return function(x, n) return call(x, n, x, lines_of(x)) end
end

local function filtering(call)
  return function(x, n)
    if call(x, n) then return x end
  end
end

local function shown(value)
  if type(value) == "table" and not (getmetatable(value) or {}).__tostring then return json.encode(value) end
  return value
end

local function show(...)
  local count = select("#", ...)
  if count <= 1 then return shown((...)) end
  local values = { ... }
  for i = 1, count do values[i] = shown(values[i]) end
  return checks.unpack(values, 1, count)
end

-- What is called for each line of one slice, with the state of that slice.
local function callee_of(self, slice)
  local call, fold = caller_of(self), self.fold
  if self.plan.is_filter then call = filtering(call) end
  if fold then
    return function(x, n)
      local value = call(x, n)
      if value == nil then return end
      if slice.folded == nil then
        slice.folded = value
      else
        slice.is_folding = true
        slice.folded = fold(slice.folded, value)
        slice.is_folding = false
      end
    end
  end
  if not self.plan.is_json then return call end
  return function(x, n) return show(call(x, n)) end
end

-- Running a slice -----------------------------------------------------------------------------------------------------

local NOUNS = { lines = "line", files = "file", pieces = "piece" }

-- A text of the input, as a message shows it.
local function cut(text, most)
  local first = text:sub(1, most)
  return native.printable(first) .. (#text > most and "…" or "")
end

-- The message about a line that failed.
function program.failure_text(items, line, number, message)
  return string.format("manymoons map: %s %.0f ('%s'): %s\n", NOUNS[items], number, cut(line, SHOWN_MOST),
    native.printable(message))
end

-- An entry of the log (map/joblog.lua). outcome: when it began, by native.time; seconds it took; size of the result;
-- exit value; signal.
function program.log_entry(line, number, outcome)
  return string.format("%.0f\t:\t%.3f\t%.3f\t%d\t%d\t%d\t%d\t%s\n", number, EPOCH + outcome.begun, outcome.took, #line,
    outcome.size or 0, outcome.exit or 0, outcome.signal or 0, cut(line, LOGGED_MOST):gsub("%c", " "))
end

local ALL = 2 ^ 52

-- Runs so many lines from the present one on: true, or false and why the present one failed.
local function attempt(slice, most)
  local ok, why = pcall(slice.lines.run, slice.lines, slice.call, slice.text, most)
  if not ok and waits.is_ending() then error(why, 0) end
  return ok, why
end

local function note_failure(slice, why)
  slice.failed = slice.failed + 1
  slice.messages[slice.failed] = program.failure_text(slice.items, slice.lines:line(slice.text), slice.lines:number(),
    errors.text_of(why))
end

-- Up to the end, or up to a line that failed for good; with a log, one line, which is timed.
local function run_on(slice)
  local lines, log = slice.lines, slice.log
  local line, number, size, begun = log and lines:line(slice.text), lines:number(), lines:written(), native.time()
  local ok, why = attempt(slice, log and 1 or ALL)
  if slice.is_folding then error(why, 0) end -- it is no line that fails
  local tries = 0
  while not ok and tries < slice.retries do
    tries = tries + 1
    ok, why = attempt(slice, 1)
  end
  if not ok then
    note_failure(slice, why)
    lines:skip(slice.text)
  end
  if not log then return end
  log[#log + 1] = program.log_entry(line, number, { begun = begun,
    took = native.time() - begun, size = lines:written() - size, exit = ok and 0 or 1 })
end

local function run(bytes, text, first, limits)
  local self, begun = find(bytes), native.time()
  local items = self.plan.items
  local slice = { items = items, text = text, retries = limits.retries, failed = 0, messages = {},
    log = limits.log and {} or nil, lines = native.line_run_new(first, items == "pieces" and "piece" or "lines") }
  slice.call = callee_of(self, slice)
  while not slice.lines:is_over(text) and slice.failed < limits.failures do run_on(slice) end
  local result = {
    output = slice.lines:output(), count = slice.lines:number() - first, seconds = native.time() - begun,
    failed = slice.failed, messages = table.concat(slice.messages), log = slice.log and table.concat(slice.log),
    folded = slice.folded,
  }
  slice.lines:close() -- the collector does not know how large it is
  return result
end

-- Runs the program over a text of whole lines, of which the first has that number. limits: retries, log (whether one is
-- wanted), failures (so many end the run). → a table: output, count (lines that ran), seconds, failed, messages, log,
-- folded; or nil and why the program cannot run: --init or --reduce raised.
function program.run(...)
  local ok, result = pcall(run, ...)
  if ok then return result end
  if waits.is_ending() then error(result, 0) end
  return nil, errors.text_of(result)
end

-- For the program itself: folds two results of slices.
function program.fold(bytes, a, b) return find(bytes).fold(a, b) end

-- A folded result as a line.
function program.fold_text(bytes, value)
  local self, lines = find(bytes), native.line_run_new(1, "piece")
  lines:run(function() return self.plan.is_json and shown(value) or value end, "-", 1)
  return lines:output()
end

return program
