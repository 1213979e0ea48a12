-- SPDX-License-Identifier: MIT
-- The Lua programs of --lua: where they are, and how they load the module.
--
-- A host is { name, program, environment, lacks }: lacks is a set of the options without a value that it does not
-- have. The host program itself has only its name: it needs no more. For another Lua it is the program of this project
-- for that Lua, where that stands beside the host program. Else it is the Lua that is installed, which
-- must load a module of the same version; that is looked for beside the host program, as built and as installed, and
-- where that Lua looks anyway.
local _, native = ...

local OWN = jit and "luajit" or _VERSION:match("%d+%.%d+")
local SIBLINGS = { ["5.4"] = "manymoons", luajit = "manymoons-luajit" }
local PROGRAMS = { ["5.1"] = "lua5.1", ["5.3"] = "lua5.3", ["5.4"] = "lua5.4", luajit = "luajit" }
local LACKS = { ["5.1"] = { ["-E"] = true, ["-W"] = true }, ["5.3"] = { ["-W"] = true }, luajit = { ["-W"] = true } }
local ABI = { luajit = "5.1" }
local PROBE = [[command -v "$0" && exec "$0" -e 'io.write(require("manymoons")._native.version)' 2>/dev/null]]

local hosts = { names = { "5.1", "5.3", "5.4", "luajit" } }

local function own_folder() return (native.program_file() or ""):match("^(.*)/[^/]*$") or "." end

local function places_of(abi)
  local folder = own_folder()
  return string.format("%s/lua/%s/?.so;%s/../lib/lua/%s/?.so", folder, abi, folder, abi)
end

local function environment_of(name)
  local abi = ABI[name] or name
  local path = places_of(abi) .. ";" .. (native.environment("LUA_CPATH") or ";")
  return { LUA_CPATH = path, ["LUA_CPATH_" .. abi:gsub("%.", "_")] = path }
end

-- Whether --lua knows the name.
function hosts.has(name) return PROGRAMS[name] ~= nil end

-- The path of a program, nil: it is not there; and the version of the module that it loads, "": of none.
local function probe(program, environment)
  local report = native.measure_run({ program = "/bin/sh", argv = { "sh", "-c", PROBE, program }, env = environment })
  return (report and report.output or ""):match("^(/[^\n]*)\n(.*)$")
end

local function find_sibling(name)
  if not SIBLINGS[name] then return nil end
  local path, version = probe(own_folder() .. "/" .. SIBLINGS[name], {})
  return version == native.version and path or nil
end

-- The host of this name; nil and why it cannot be used.
function hosts.find(name)
  if name == OWN then return { name = name } end
  local lacks, sibling = LACKS[name] or {}, find_sibling(name)
  if sibling then return { name = name, program = sibling, environment = {}, lacks = lacks } end
  local program, environment = PROGRAMS[name], environment_of(name)
  local path, version = probe(program, environment)
  if not path then return nil, program .. " is not installed" end
  if version == native.version then
    return { name = name, program = path, environment = environment, lacks = lacks }
  end
  if version == "" then return nil, program .. " cannot load the module manymoons" end
  return nil, string.format("%s loads manymoons %s, and this is %s", program, version, native.version)
end

return hosts
