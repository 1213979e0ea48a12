-- SPDX-License-Identifier: MIT
-- The identity of a value from one run of a program to the next: a hash that differs if the value does. A table counts
-- by what is in it, a Lua function by the text of its lines and its upvalues; modules, the table of globals and what is
-- sent by name count by their names.
local _, native = ...

local HIDDEN = { _ENV = true }

-- path → its lines, or false
local function lines_of(files, path)
  if files[path] == nil then
    local file, lines = io.open(path, "r"), {}
    files[path] = file ~= nil and lines
    for line in file and file:lines() or function() end do lines[#lines + 1] = line end
    if file then file:close() end
  end
  return files[path]
end

local function cut(lines, first, last) return table.concat(lines, "\n", first, math.min(last, #lines)) end

local function split(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

-- The name of a C function: the least of those that modules have for it.
local function name_of_c(f)
  local least = ""
  for module_name, module in pairs(package and package.loaded or {}) do
    for key, value in pairs(type(module) == "table" and module or {}) do
      local name = value == f and tostring(module_name) .. "." .. tostring(key)
      if name and (least == "" or name < least) then least = name end
    end
  end
  return "C:" .. least
end

-- The text of a Lua function; its bytecode if there is no text.
local function text_of(f, seen)
  local info = debug and debug.getinfo(f, "S")
  if info and info.what == "C" then return name_of_c(f) end
  local source = info and info.source or "="
  local lines = source:sub(1, 1) == "@" and lines_of(seen.files, source:sub(2))
  if source:find("^[^@=]") then lines = split(source) end
  if lines and info.linedefined > 0 then return cut(lines, info.linedefined, info.lastlinedefined) end
  local ok, code = pcall(string.dump, f, true)
  return ok and code or "function"
end

local write

local function write_function(f, out, seen)
  out[#out + 1] = text_of(f, seen)
  local i = 1
  while debug do
    local name, value = debug.getupvalue(f, i)
    if not name then break end
    if not HIDDEN[name] then
      out[#out + 1] = name
      write(value, out, seen)
    end
    i = i + 1
  end
end

-- Keys in an order that does not depend on the run: by their own texts.
local function write_table(value, out, seen)
  local keys, texts = {}, {}
  for key in pairs(value) do
    local text = {}
    write(key, text, { files = seen.files, modules = seen.modules, count = 0 })
    keys[#keys + 1], texts[key] = key, table.concat(text)
  end
  table.sort(keys, function(a, b) return texts[a] < texts[b] end)
  out[#out + 1] = "{"
  for _, key in ipairs(keys) do
    out[#out + 1] = texts[key]
    write(rawget(value, key), out, seen)
  end
  out[#out + 1] = "}"
end

-- What counts by name: a module, the globals, an object of a class.
local function name_of(value, seen)
  if not seen.modules then
    seen.modules = { [_G] = "_G" }
    for name, module in pairs(package and package.loaded or {}) do seen.modules[module] = name end
  end
  local meta = getmetatable(value)
  return seen.modules[value] or type(meta) == "table" and rawget(meta, "__name") or nil
end

local function write_object(value, kind, out, seen)
  if seen[value] then
    out[#out + 1] = "again" .. seen[value]
    return
  end
  seen.count = seen.count + 1
  seen[value] = seen.count
  local name = kind ~= "thread" and name_of(value, seen)
  out[#out + 1] = kind .. (name and ":" .. tostring(name) or "")
  if name then return end
  if kind == "function" then write_function(value, out, seen) end
  if kind == "table" then write_table(value, out, seen) end
end

function write(value, out, seen)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = "s" .. #value .. ":" .. value
  elseif kind == "number" then
    local is_integer = math.type and math.type(value) == "integer"
    out[#out + 1] = "n" .. string.format(is_integer and "%d" or "%.17g", value)
  elseif kind == "nil" or kind == "boolean" then
    out[#out + 1] = tostring(value)
  else
    write_object(value, kind, out, seen)
  end
end

-- identity(value) → 32 hexadecimal digits; identity(list, count): of list[1 … count]
return function(value, count)
  local out, seen = {}, { files = {}, count = 0 }
  if not count then write(value, out, seen) end
  for i = 1, count or 0 do write(value[i], out, seen) end
  return native.hash(table.concat(out, "\0"))
end
