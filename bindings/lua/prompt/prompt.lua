-- SPDX-License-Identifier: MIT
-- The prompt's part in Lua, which program/repl.c calls.
local require, native = ...

local completion = require("prompt.completion")
local values = require("prompt.values")
local interruption = require("prompt.interruption")

local STDOUT, USUAL_COLUMNS = 1, 80

-- `print` as the program began with it: where the script has put its own in its place, results go to that one.
local standard_print = print

local prompt = {}

prompt.hint = 'Tab completes names, mm is require "manymoons"; Ctrl-C stops a call, Ctrl-D ends'

local function shown(...)
  local columns, texts = native.terminal_size(STDOUT) or USUAL_COLUMNS, {}
  for i = 1, select("#", ...) do texts[i] = values.show((select(i, ...)), columns) end
  return table.concat(texts, "\t")
end

-- Shows the results of a line.
function prompt.echo(...)
  local current = rawget(_G, "print")
  if current ~= standard_print then return current(...) end
  standard_print(shown(...))
end

-- mm: the public table. Makes it the global of that name, where there is none yet.
function prompt.begin(mm)
  prompt.mm = mm
  if rawget(_G, "mm") == nil then rawset(_G, "mm", mm) end
  interruption.enable()
end

function prompt.candidates(line) return completion.candidates(line, prompt.mm) end

local has_told_of_locals = false

-- Said once: a local at the prompt is gone with its line. nil: there is nothing to say.
function prompt.note_of(text)
  local rest = text:match("^%s*local%s+(.*)")
  local name = rest and (rest:match("^function%s+([%a_][%w_]*)") or rest:match("^([%a_][%w_]*)"))
  if not name or has_told_of_locals then return nil end
  has_told_of_locals = true
  return ("note: the local '%s' ends with its line; without 'local' it stays"):format(name)
end

prompt.begin_line, prompt.end_interrupted = interruption.begin, interruption.end_new

return prompt
