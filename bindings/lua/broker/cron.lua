-- SPDX-License-Identifier: MIT
-- Times of schedules, in UTC: the five fields of cron (minute, hour, day of the month, month, day of the week) with *,
-- lists, ranges, steps and English names, and @hourly, @daily, @weekly, @monthly, @yearly. As in cron, a day counts if
-- either field of days has it, where both are restricted.
--
--   times   minutes, hours, days, months, weekdays (sets of numbers); is_either: both fields of days are restricted
local cron = {}

local MONTHS = { jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11,
  dec = 12 }
local WEEKDAYS = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }
local FIELDS = {
  { "minutes", 0, 59, {} }, { "hours", 0, 23, {} }, { "days", 1, 31, {} }, { "months", 1, 12, MONTHS },
  { "weekdays", 0, 7, WEEKDAYS },
}
local SHORT = {
  ["@hourly"] = "0 * * * *", ["@daily"] = "0 0 * * *", ["@midnight"] = "0 0 * * *", ["@weekly"] = "0 0 * * 0",
  ["@monthly"] = "0 0 1 * *", ["@yearly"] = "0 0 1 1 *", ["@annually"] = "0 0 1 1 *",
}
local DAY, DAYS_AHEAD = 86400, 366 * 9 -- between two 29ths of February are eight years at most

local function fail(field, text)
  error(string.format("'%s': %s from %d to %d expected", text, field[1], field[2], field[3]), 0)
end

local function number_of(field, word, text)
  local number = field[4][word:lower()] or (word:find("^%d+$") and tonumber(word))
  if not number or number < field[2] or number > field[3] then fail(field, text) end
  return number
end

-- "*", "5", "1-5", each with "/2" behind it
local function read_part(field, part, set)
  local range, step = part:match("^([^/]+)/(%d+)$")
  range, step = range or part, tonumber(step or 1)
  if step < 1 then fail(field, part) end
  local first, last = field[2], field[3]
  if range ~= "*" then
    local low, high = range:match("^(%w+)%-(%w+)$")
    first = number_of(field, low or range, part)
    last = high and number_of(field, high, part) or (range ~= part and last or first)
    if last < first then fail(field, part) end
  end
  for number = first, last, step do set[number] = true end
end

local function read_field(field, text)
  local set = {}
  if text:find("^,") or text:find(",$") or text:find(",,", 1, true) then fail(field, text) end
  for part in text:gmatch("[^,]+") do read_part(field, part, set) end
  return set
end

-- The month and day of the Gregorian calendar, so many days after 1970 began.
local function date_of(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local of_era = z - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  return month < 10 and month + 3 or month - 9, of_year - math.floor((153 * month + 2) / 5) + 1
end

-- text → times; or nil and why not
function cron.read(text)
  local words, times = {}, {}
  for word in (SHORT[text:lower()] or text):gmatch("%S+") do words[#words + 1] = word end
  if #words ~= #FIELDS then
    return nil, "five fields expected (minute, hour, day, month, weekday) or @daily and the like, got '" .. text .. "'"
  end
  for i, field in ipairs(FIELDS) do
    local ok, set = pcall(read_field, field, words[i])
    if not ok then return nil, set end
    times[field[1]] = set
  end
  if times.weekdays[7] then times.weekdays[0] = true end
  times.is_either = words[3]:sub(1, 1) ~= "*" and words[5]:sub(1, 1) ~= "*"
  if not cron.next(times, 0) then return nil, "there is no such day: '" .. text .. "'" end
  return times
end

local function has_day(times, days)
  local month, day = date_of(days)
  if not times.months[month] then return false end
  local is_day, is_weekday = times.days[day], times.weekdays[(days + 4) % 7] -- 1970 began on a Thursday
  if times.is_either then return is_day or is_weekday end
  return is_day and is_weekday
end

local function first_within(times, from_minute)
  for minute = from_minute, DAY / 60 - 1 do
    if times.minutes[minute % 60] and times.hours[math.floor(minute / 60)] then return minute end
  end
end

-- The first time after `after` (both in seconds since 1970); nil: there is none
function cron.next(times, after)
  local minutes = math.floor(after / 60) + 1
  local today, from = math.floor(minutes * 60 / DAY), minutes % (DAY / 60)
  for days = today, today + DAYS_AHEAD do
    local minute = has_day(times, days) and first_within(times, days == today and from or 0)
    if minute then return days * DAY + minute * 60 end
  end
end

-- The last time up to `now`, if there has been one since 1970.
function cron.latest(times, now)
  local back, last = 60
  repeat
    last = cron.next(times, now - back)
    back = 2 * back
  until last and last <= now
  while true do
    local following = cron.next(times, last)
    if not following or following > now then return last end
    last = following
  end
end

return cron
