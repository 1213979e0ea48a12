-- SPDX-License-Identifier: MIT
-- Statistics of runs: medians, the interval of a ratio of medians, outliers. Pure functions: the same figures give the
-- same result.
--
-- The interval is a bootstrap: rounds are drawn with replacement, and the ratio of the medians of the drawn rounds is
-- taken; 95 of 100 such ratios lie in it, 99 where a claim is to be made. The runs of a round stand together, for they
-- ran one after the other, so that a slow drift of the machine cancels out. With few rounds the bootstrap is too
-- narrow; the interval is widened by the factor by which Student's distribution is wider than the normal one.
local statistics = {}

local DRAWS = 600
local LEAST_FOR_INTERVAL = 3
local MODULUS, MULTIPLIER, SEED = 2147483647, 16807, 20261129 -- Lehmer's generator, exact in doubles
-- How far the share reaches in the normal distribution, and in Student's of so many degrees of freedom.
statistics.USUAL = { share = 0.95, normal = 1.960, student = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
  2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086 } }
statistics.STRICT = { share = 0.99, normal = 2.576, student = { 63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355,
  3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845 } }
-- As hyperfine has it: farther from the median than so many times the median deviation; and than a share of the median,
-- for runs that are all alike deviate by next to nothing.
local OUTLIER, OUTLIER_SHARE = 14.826, 0.1
local LEAST_FOR_OUTLIERS = 5

-- nil if the list is empty.
function statistics.median_of_sorted(sorted)
  local middle = math.floor((#sorted + 1) / 2)
  if #sorted % 2 == 1 then return sorted[middle] end
  return sorted[middle] and (sorted[middle] + sorted[middle + 1]) / 2
end

-- The values that `read` finds in the list, sorted; the items of which it finds none are left out.
function statistics.sorted(list, read)
  local values = {}
  for _, item in ipairs(list) do values[#values + 1] = read(item) end
  table.sort(values)
  return values
end

local function itself(value) return value end

-- nil if nothing is there.
function statistics.median(list, read)
  return statistics.median_of_sorted(statistics.sorted(list, read or itself))
end

local function new_generator()
  local state = SEED
  return function(most)
    state = state * MULTIPLIER % MODULUS
    return state % most + 1
  end
end

local function drawn_median(values, places)
  local drawn = {}
  for i, place in ipairs(places) do drawn[i] = values[place] end
  table.sort(drawn)
  return statistics.median_of_sorted(drawn)
end

local function widen(value, middle, count, level)
  local factor = (level.student[count - 1] or level.normal) / level.normal
  return middle * (value / middle) ^ factor
end

-- The interval of median(above) / median(below), two lists of positive numbers, by rounds; nil: there are too few.
-- level: statistics.USUAL or STRICT
function statistics.interval(above, below, level)
  local count = math.min(#above, #below)
  if count < LEAST_FOR_INTERVAL then return nil end
  local draw, ratios, places = new_generator(), {}, {}
  for i = 1, DRAWS do
    for k = 1, count do places[k] = draw(count) end
    ratios[i] = drawn_median(above, places) / drawn_median(below, places)
  end
  table.sort(ratios)
  local cut = math.floor(DRAWS * (1 - level.share) / 2)
  local middle = statistics.median(above) / statistics.median(below)
  return widen(ratios[cut + 1], middle, count, level), widen(ratios[DRAWS - cut], middle, count, level)
end

-- The values that are far from all others.
function statistics.outliers(values)
  local middle, found = statistics.median(values), {}
  local deviation = statistics.median(values, function(value) return math.abs(value - middle) end)
  for _, value in ipairs(values) do
    local distance = math.abs(value - middle)
    local is_far = distance > OUTLIER * deviation and distance > OUTLIER_SHARE * middle
    if #values >= LEAST_FOR_OUTLIERS and is_far then found[#found + 1] = value end
  end
  return found
end

return statistics
