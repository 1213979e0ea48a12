-- SPDX-License-Identifier: MIT
-- What a worker says on stderr: words on a terminal, elsewhere a line of JSON for each event, which begins with `at`,
-- `level` and `event`.
local require, native = ...

local json = require("core.json")

local LEVELS = {
  warning = "warning", refused = "warning", disconnected = "warning", ["waiting for the server"] = "warning",
  lost = "warning", dead = "error",
}

local function json_line(at, level, event, about)
  local rest = json.encode(about)
  return string.format('{"at":"%s","level":"%s","event":%s%s', at, level, json.encode(event),
    rest == "{}" and "}" or "," .. rest:sub(2))
end

local function words(at, level, event, about)
  local keys, list = {}, { at:sub(12, 19) .. (level == "info" and "" or " " .. level .. ":") .. " " .. event }
  for key in pairs(about) do
    if key ~= "worker" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do list[#list + 1] = key .. "=" .. tostring(about[key]) end
  return table.concat(list, "  ")
end

-- about: what all lines say
return function(about)
  local is_terminal = native.is_terminal(2)
  return function(event, more)
    local line = {}
    for key, value in pairs(about) do line[key] = value end
    for key, value in pairs(more or {}) do line[key] = value end
    local write = is_terminal and words or json_line
    local text = write(os.date("!%Y-%m-%dT%H:%M:%SZ"), LEVELS[event] or "info", event, line)
    io.stdout:flush()
    io.stderr:write(native.printable(text, is_terminal and "text" or "json"), "\n")
  end
end
