-- SPDX-License-Identifier: MIT
-- The option `sandbox` of processes and pools: what a worker may reach that runs code the program does not trust.
--
--   true                                          nothing
--   { read = {…}, write = {…}, network = bool }   these files and folders, and the network
--
-- worker/sandbox_rules.c passes the rules on; the sandbox itself is vm/os/sandbox.h.
local require, native = ...

local checks = require("core.checks")
local worlds = require("core.worlds")

local expect = checks.expect

local fields = { read = true, write = true, network = true }

-- What the lookup of a host's name reads.
local NAME_SERVICE = {
  "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
}

local sandbox = {}

local function check_fields(where, option)
  for name in pairs(option) do
    local meant = checks.nearest(name, fields)
    expect(fields[name], where, ("sandbox: unknown field '%s'; there are read, write, network%s"):format(tostring(name),
      meant and "; did you mean '" .. meant .. "'?" or ""))
  end
  expect(option.network == nil or type(option.network) == "boolean", where,
    "sandbox: network: true or false expected, got " .. checks.show(option.network))
end

local function read_paths(where, option, field)
  local list, paths = option[field], {}
  if list == nil then return paths end
  expect(type(list) == "table", where, "sandbox: " .. field .. ": a list of paths expected, got " .. type(list))
  for key in pairs(list) do
    expect(type(key) == "number" and key % 1 == 0 and key >= 1 and key <= #list, where,
      "sandbox: " .. field .. ": a list of paths expected, got a table with the key " .. checks.show(key))
  end
  for i, path in ipairs(list) do
    local what = "sandbox: " .. field .. "[" .. i .. "]: "
    expect(type(path) == "string", where, what .. "a path expected, got " .. type(path))
    local real, why = native.sandbox_path(path)
    expect(real, where, what .. "'" .. path .. "': " .. tostring(why))
    paths[i] = real
  end
  return paths
end

-- The rules of a pool or a process; nil: its workers are not sandboxed.
function sandbox.read(where, world, options)
  local option = options.sandbox
  if option == nil or option == false then return nil end
  expect(option == true or type(option) == "table", where,
    "sandbox: true or a table with read, write, network expected, got " .. checks.show(option))
  expect(worlds.has(world, "is_process"), where,
    "sandbox: only for the world " .. worlds.list("is_process") .. ", whose workers the kernel can restrict")
  if option == true then option = {} end
  check_fields(where, option)
  local rules = {
    read = read_paths(where, option, "read"), write = read_paths(where, option, "write"),
    network = option.network or false,
    memory = options.memory or 0,
  }
  local obstacle = native.sandbox_obstacle(#rules.read + #rules.write > 0)
  expect(not obstacle, where, "sandbox: " .. tostring(obstacle))
  return rules
end

local function first_file(templates, name)
  local part = name:gsub("%.", "/"):gsub("%%", "%%%%")
  for template in templates:gmatch("[^;]+") do
    local path = template:gsub("%?", part)
    local file = io.open(path, "r")
    if file then
      file:close()
      return native.sandbox_path(path)
    end
  end
end

-- The file that `require(name)` loads; nil: none.
local function file_of(name) return first_file(package.path, name) or first_file(package.cpath, name) end

-- The option, with the files of these modules to be read as well.
function sandbox.with_modules(option, names)
  local read = {}
  for i, path in ipairs(option.read or {}) do read[i] = path end
  for _, name in ipairs(names) do read[#read + 1] = file_of(name) end
  return { read = read, write = option.write, network = option.network }
end

local files = {} -- by the name of a loaded module: its file; false: it has none; as long as the paths are `searched`
local searched

local function add_module(read, name)
  if type(name) ~= "string" or rawget(_G, name) == package.loaded[name] or package.preload[name] then return end
  if files[name] == nil then files[name] = file_of(name) or false end
  if files[name] then read[#read + 1] = files[name] end
end

-- The rules of a worker that starts now: the files of modules that the program has loaded, and of the lookup of names,
-- can be read as well.
function sandbox.settings(rules)
  if not rules then return nil end
  local read, paths = {}, package.path .. ";" .. package.cpath
  if paths ~= searched then files, searched = {}, paths end
  for i, path in ipairs(rules.read) do read[i] = path end
  if native.sandbox_obstacle(true) == nil then
    for name in pairs(package.loaded) do add_module(read, name) end
    for _, path in ipairs(rules.network and NAME_SERVICE or {}) do
      local real = native.sandbox_path(path)
      if real then read[#read + 1] = real end
    end
  end
  return { read = read, write = rules.write, network = rules.network, memory = rules.memory }
end

return sandbox
