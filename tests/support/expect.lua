-- SPDX-License-Identifier: MIT
-- Assertions of tests: expect.equal(got, wanted), expect.raises(pattern, f, …), … They print nothing when they hold.
local expect = {}

-- Seconds for a wait that has to end. run-tests ends a test before a wait takes that long.
expect.HANG = tonumber(os.getenv("MM_HANG")) or 60

local function show(value)
  if type(value) == "string" then return string.format("%q", value) end
  return tostring(value)
end

local function same(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Tables are compared by contents.
function expect.equal(got, wanted, what)
  if not same(got, wanted) then
    error((what and what .. ": " or "") .. "got " .. show(got) .. ", wanted " .. show(wanted), 2)
  end
end

function expect.truthy(value, what)
  if not value then error((what or "value") .. ": got " .. show(value), 2) end
end

-- Returns the error, for further checks.
function expect.raises(pattern, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error was raised; wanted one like " .. show(pattern), 2) end
  if not tostring(err):find(pattern) then
    error("got the error " .. show(tostring(err)) .. ", wanted one like " .. show(pattern), 2)
  end
  return err
end

-- The same kinds of values in both lists, in any order.
function expect.same_set(got, wanted)
  local function sorted(list)
    local copy = {}
    for i, value in ipairs(list) do copy[i] = tostring(value) end
    table.sort(copy)
    return table.concat(copy, " ")
  end
  local a, b = sorted(got), sorted(wanted)
  if a ~= b then error("got {" .. a .. "}, wanted {" .. b .. "}", 2) end
end

return expect
