-- SPDX-License-Identifier: MIT
-- The values to send, the same as in values.py and values.js.
local values = {}

-- A hundred values: an order with twelve items.
local function record()
  local items = {}
  for i = 1, 12 do
    items[i] = {
      sku = ("SKU-%04d"):format(i),
      title = ("Article number %d"):format(i),
      count = i,
      price = i + 0.99,
      weight = i / 8,
      fragile = i % 2 == 0,
    }
  end
  return {
    id = 1042,
    customer = "Ada Lovelace",
    email = "ada@example.org",
    paid = true,
    total = 89.88,
    address = { street = "12 St James's Square", city = "London", zip = "SW1Y 4JH", country = "GB" },
    tags = { "new", "gift", "express" },
    items = items,
  }
end

local function doubles(count)
  local list = {}
  for i = 1, count do list[i] = i + 0.5 end
  return list
end

local makers = {
  integer = function() return 42 end,
  ["1KiB"] = function() return ("x"):rep(1024) end,
  ["1MiB"] = function() return ("x"):rep(1024 * 1024) end,
  ["64MiB"] = function() return ("x"):rep(64 * 1024 * 1024) end,
  record = record,
  doubles1e5 = function() return doubles(100000) end,
  doubles1e6 = function() return doubles(1000000) end,
}

function values.make(name) return makers[name]() end

-- The bytes of a string; nil for anything else.
function values.size(value) return type(value) == "string" and #value or nil end

return values
