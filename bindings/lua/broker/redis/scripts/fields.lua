-- SPDX-License-Identifier: MIT
-- Stands before other scripts, which call it `setter_of`.

-- fields: a list of names and values, as an entry of a stream has them. → set(name, value), which changes or adds one,
-- and a table: name → the place of its value in the list
local function setter_of(fields) -- luacheck: ignore
  local place = {}
  for i = 1, #fields, 2 do place[fields[i]] = i + 1 end
  return function(name, value)
    if not place[name] then
      fields[#fields + 1] = name
      place[name] = #fields + 1
    end
    fields[place[name]] = value
  end, place
end

