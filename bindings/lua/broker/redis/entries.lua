-- SPDX-License-Identifier: MIT
-- The entries of streams as tasks (broker/backend.lua), and the other way round.
local require = ...

local codec = require("broker.codec")

local entries = {}

local FIELDS = {
  c = "client", s = "seq", n = "losses", f = "func", i = "init", x = "flags", b = "body", m = "mac", l = "label",
  u = "unique", p = "priority", k = "limit",
}
local MAY_LACK = { u = true, p = true, k = true }

-- Fields and values in turn → a table
function entries.fields_of(list)
  local fields = {}
  for i = 1, #list, 2 do fields[list[i]] = list[i + 1] end
  return fields
end

-- What the JSON of a program of another language says.
function entries.add_foreign(task, text)
  task.json = text
  codec.read_foreign(task)
end

-- Fields and values of an entry in turn → a task, and its fields. What is missing is an empty text.
function entries.task_of(list)
  local fields, task = entries.fields_of(list), {}
  for short, name in pairs(FIELDS) do task[name] = fields[short] or "" end
  task.attempts, task.is_hidden = fields.t or "", fields.h == "1"
  task.has_place = fields.r == "1"
  if fields.j then entries.add_foreign(task, fields.j) end
  return task, fields
end

-- Appends the fields of a task that begins anew to the words of a command.
function entries.append(words, task)
  local function add(name, value) words[#words + 1], words[#words + 2] = name, value end
  if task.json then
    add("j", task.json)
  else
    for short, name in pairs(FIELDS) do
      local value = short == "n" and "0" or task[name] or ""
      if value ~= "" or not MAY_LACK[short] then add(short, value) end
    end
  end
  if task.is_hidden then add("h", "1") end
end

return entries
