-- SPDX-License-Identifier: MIT
-- Methods of a pool that need a whole list: reduce, filter, find and sort. Each cuts the list into sublists, a few for
-- each worker, and a worker does a sublist's share in one call.
local require, native = ...

local checks = require("core.checks")
local protocol = require("pool.protocol")
local lists = require("pool.lists.map")

local MAP = protocol.MAP
local PER_WORKER = 16 -- sublists: so many that a slow worker delays the others little
local SAMPLES = 32 -- for each bucket of sort

local whole = {}

local function workers_of(pool) return pool._config.row.is_immediate and 1 or pool._dispatcher.size(pool) end

-- A part is one task. Where each task has its own stream of random numbers, each item is a part.
local function parts_of(pool, count)
  return pool._config.seed and count or math.min(count, workers_of(pool) * PER_WORKER)
end

-- The list in `parts` sublists of about the same length; `before` is the number of items before a sublist.
local function cut(list, count, parts)
  local sublists, first = { n = parts }, 1
  for part = 1, parts do
    local last = math.floor(count * part / parts)
    local items = { n = last - first + 1, before = first - 1 }
    for i = first, last do items[i - first + 1] = list[i] end
    sublists[part], first = items, last + 1
  end
  return sublists
end

-- reduce ----------------------------------------------------------------------------------------------

-- A sublist's share of the work, as one call in a worker. `op` is associative.
local function folder(f, op)
  return function(items)
    local folded = f(items[1])
    for i = 2, items.n do folded = op(folded, f(items[i])) end
    return folded
  end
end

function whole.reduce(pool, f, list, op, init, opts, count)
  local parts = parts_of(pool, count)
  local folded, from = init, 1
  local results = lists.map(pool, MAP, folder(f, op), cut(list, count, parts), opts, parts, "reduce", "part")
  if folded == nil then folded, from = results[1], 2 end
  for part = from, parts do folded = op(folded, results[part]) end
  return folded
end

-- filter, find ----------------------------------------------------------------------------------------

-- The places, in a sublist, of the items for which f is true.
local function chooser(f)
  return function(items)
    local places = {}
    for i = 1, items.n do
      if f(items[i]) then places[#places + 1] = i end
    end
    return places
  end
end

-- The items themselves, not copies of them.
function whole.filter(pool, f, list, opts, count)
  local parts = parts_of(pool, count)
  local sublists, kept = cut(list, count, parts), {}
  for part, places in ipairs(lists.map(pool, MAP, chooser(f), sublists, opts, parts, "filter", "part")) do
    for _, place in ipairs(places) do kept[#kept + 1] = list[sublists[part].before + place] end
  end
  return kept
end

local function finder(f)
  return function(items)
    for i = 1, items.n do
      if f(items[i]) then return i end
    end
    return false
  end
end

-- The sublists grow: what comes early is found soon, and a long list costs few calls.
local function growing(list, count, most)
  local at, size = 0, 1
  return function()
    if at >= count then return nil, false end
    local items = { n = math.min(size, count - at), before = at }
    for i = 1, items.n do items[i] = list[at + i] end
    at, size = at + items.n, math.min(2 * size, most)
    return items, true
  end
end

-- The first item for which f is true, and its place; nothing if there is none. What is under way is cancelled then.
function whole.find(pool, f, list, opts, count)
  local befores, next_items = {}, growing(list, count, pool._config.seed and 1 or 1024)
  local function next_sublist()
    local items, is_item = next_items()
    if is_item then befores[#befores + 1] = items.before end
    return items, is_item
  end
  local items = { next = next_sublist, is_there = function() return true end }
  local results, _, _, closer = lists.imap(pool, finder(f), items, opts, true, "find", "part")
  local finish = getmetatable(closer).__close
  local ok, place, at = pcall(function()
    for number = 1, math.huge do
      local place = results()
      if place == nil then return nil end
      if place then return place, befores[number] + place end
    end
  end)
  finish()
  if not ok then error(place, 0) end
  if not place then return nil end
  return list[at], at
end

-- sort ------------------------------------------------------------------------------------------------

local function sorter(less)
  if not less then return package.loaded.manymoons._sort_items end
  return function(items)
    items.n, items.before = nil, nil
    table.sort(items, less)
    return items
  end
end

-- Numbers alone and strings alone need no call of Lua for each comparison. Of strings the places are the result, which
-- take less time to send.
function whole.sort_items(items)
  items.n, items.before = nil, nil
  local sorted, are_places = native.sort_plain(items, #items)
  if are_places then return { places = sorted } end
  if sorted then return sorted end
  table.sort(items)
  return items
end

-- Items between which the list is divided: from a sample at even steps, which needs no random numbers.
local function splitters_of(list, count, buckets, less)
  local sample, splitters = {}, {}
  local wanted = math.min(count, SAMPLES * buckets)
  for i = 1, wanted do sample[i] = list[math.floor((i - 0.5) * count / wanted) + 1] end
  table.sort(sample, less)
  for i = 1, buckets - 1 do splitters[i] = sample[math.max(1, math.floor(i * wanted / buckets))] end
  return splitters
end

-- The items of the list that are less than the splitter, and the others.
local function split(list, count, splitter, less)
  local low, lows, high, highs = {}, 0, {}, 0
  for i = 1, count do
    local item = list[i]
    local is_low
    if less then is_low = less(item, splitter) else is_low = item < splitter end
    if is_low then
      lows = lows + 1
      low[lows] = item
    else
      highs = highs + 1
      high[highs] = item
    end
  end
  return low, lows, high, highs
end

-- Parts of which each has the items before those of the next one: halves of halves.
local function divide(parts, list, count, splitters, first, last, less)
  if first > last then
    parts[#parts + 1] = list
    return
  end
  local middle = math.floor((first + last) / 2)
  local low, lows, high, highs = split(list, count, splitters[middle], less)
  divide(parts, low, lows, splitters, first, middle - 1, less)
  divide(parts, high, highs, splitters, middle + 1, last, less)
end

-- Appends the sorted items of a part; how many they are.
local function append(sorted, at, part, items)
  local places = part.places
  if not places then
    for i = 1, #part do sorted[at + i] = part[i] end
    return #part
  end
  for i = 1, #places do sorted[at + i] = items[places[i]] end
  return #places
end

-- A sorted list; the one that was given stays as it is.
function whole.sort(pool, list, less, opts, count)
  for i = 1, count do
    if list[i] == nil then checks.fail("Pool:sort: argument 1: item " .. i .. " is nil, which has no order") end
  end
  local buckets = math.max(1, math.min(workers_of(pool), math.floor(count / 2)))
  local parts, sorted, at = { n = buckets }, {}, 0
  divide(parts, list, count, splitters_of(list, count, buckets, less), 1, buckets - 1, less)
  if buckets == 1 then parts[1] = cut(list, count, 1)[1] end -- a worker of this VM must not sort the list itself
  for number, part in ipairs(lists.map(pool, MAP, sorter(less), parts, opts, buckets, "sort", "part")) do
    at = at + append(sorted, at, part, parts[number])
  end
  return sorted
end

return whole
