-- SPDX-License-Identifier: MIT
-- brokers: none
-- Each function that a class of pool/backend.lua lists is required when a pool begins.
local mm = require "manymoons"
local expect = require "expect"

local backend = mm._require("pool.backend")
local text = mm._native.embedded("pool.backend")

-- The names of the functions of a class, as its comment has them.
local function functions_of(class)
  local names = {}
  local from = assert(text:find("---@class " .. class .. "\n", 1, true), class)
  local to = assert(text:find("\nlocal ", from, true), class)
  for name in text:sub(from, to):gmatch("%-%-%-@field ([%w_]+) fun%(") do names[#names + 1] = name end
  return names
end

local function all_but(names, missing)
  local object = {}
  for _, name in ipairs(names) do object[name] = name ~= missing and print or nil end
  return object
end

local function each_is_required(class, check, what)
  local names = functions_of(class)
  assert(#names > 1, class)
  check(all_but(names, nil))
  for _, name in ipairs(names) do
    expect.raises(what .. " has no function '" .. name .. "'", check, all_but(names, name))
  end
end

each_is_required("PoolDispatcher", backend.check_dispatcher, "the pool's dispatcher")
each_is_required("PoolBackend", backend.check_backend, "the pool's backend")
each_is_required("PoolBackendClass", backend.check_class, "the class of the pool's backend")
