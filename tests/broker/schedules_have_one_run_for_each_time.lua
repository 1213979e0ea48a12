-- SPDX-License-Identifier: MIT
-- variants: release
-- A schedule runs once for each of its times, however many programs and workers there are, and whatever is
-- killed; after a time without workers once, or for all that were missed.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local cron = mm._require("broker.cron")

-- The times, against the calendar of the C library, minute by minute.
local function is_time(text, t)
  local date = os.date("!*t", t)
  local value, f = { date.min, date.hour, date.day, date.month, date.wday - 1 }, {}
  for word in text:gmatch("%S+") do f[#f + 1] = word end
  local function has(i)
    for part in f[i]:gmatch("[^,]+") do
      local range, step = part:match("^(.-)/(%d+)$")
      local low, high = (range or part):match("^(%d+)%-?(%d*)$")
      if not low then low, high = 0, 99 end
      high = tonumber(high) or (range and 99) or tonumber(low)
      low = tonumber(low) > 0 and tonumber(low) or (i == 3 or i == 4) and 1 or 0
      if value[i] >= low and value[i] <= high and (value[i] - low) % tonumber(step or 1) == 0 then return true end
    end
    return false
  end
  local is_day = has(3) and has(5)
  if f[3] ~= "*" and f[5] ~= "*" then is_day = has(3) or has(5) end
  return has(1) and has(2) and is_day and has(4)
end

local LINES = { "*/7 3,9 * * *", "30 4 1,15 * 5", "0 0-23/6 28-31 2,12 *", "59 23 * 12 *", "5/20 1 * * 0,6" }
for _, text in ipairs(LINES) do
  local times = assert(cron.read(text))
  local from = 1709164800 - 86400 -- before the 29th of February of 2024
  local expected = from
  for _ = 1, 8 do
    local found = cron.next(times, expected)
    if found - expected < 40 * 86400 then
      repeat expected = expected + 60 until is_time(text, expected)
      expect.equal(found, expected, text)
    end
    expect.equal(cron.latest(times, found), found)
    expect.equal(cron.latest(times, found + 59), found)
    expected = found
  end
end
for text, same in pairs({
  ["@daily"] = "0 0 * * *", ["0 5 * jan-MAR mon"] = "0 5 * 1-3 1", ["0 0 * * 7"] = "0 0 * * 0",
}) do
  expect.equal(cron.next(cron.read(text), 1e9), cron.next(cron.read(same), 1e9), text)
end

local server = broker.server("--appendfsync always")
local pool = mm.Pool{ broker = server.url, name = "jobs" }
for text, why in pairs({
  ["* * * *"] = "five fields", ["60 * * * *"] = "minutes from 0 to 59", ["* * * * mon-"] = "weekdays",
  ["5-1 * * * *"] = "minutes", ["*/0 * * * *"] = "minutes", ["0 0 31 2 *"] = "no such day", [",5 * * * *"] = "minutes",
}) do
  expect.raises(why, pool.schedule, pool, "x", text, math.abs, {})
end
expect.raises("argument 1: a name", pool.schedule, pool, "a b", "* * * * *", math.abs, {})
expect.raises("catchup: 'once' or 'all'", pool.schedule, pool, "x", "* * * * *", math.abs, {}, { catchup = "no" })
expect.raises("not on a broker", mm.Pool(1).schedule, mm.Pool(1), "x", "* * * * *", math.abs, {})

local runs = broker.file("runs")
local function note(path, name)
  local file = io.open(path, "a")
  file:write(name, "\n")
  file:close()
  return name
end

local function count_of(name)
  local count = 0
  for _, line in ipairs(broker.lines(runs)) do count = count + (line == name and 1 or 0) end
  return count
end

local function january(year) return os.time({ year = year, month = 1, day = 1, hour = 12 }) - 12 * 3600 end
local this_year = tonumber(os.date("!%Y"))
local function utc(year)
  local at = cron.next(cron.read("@yearly"), january(year) - 2 * 86400)
  return at
end

-- Many programs say the same: there is one, with one next time. A program that says something else replaces it.
local other = mm.Pool{ broker = server.url, name = "jobs" }
for _, one in ipairs({ pool, other, pool }) do
  expect.equal(one:schedule("once", "@yearly", note, { runs, "once" }), utc(this_year + 1))
  expect.equal(one:schedule("all", "@yearly", note, { runs, "all" }, { catchup = "all" }), utc(this_year + 1))
end
expect.equal(server:cli("zcard 'manymoons:{jobs}:y'"), "2")
expect.equal(other:schedule("gone", "0 * * * *", "string:upper", { "x" }) % 3600, 0)
expect.equal(pool:unschedule("gone"), true)
expect.equal(pool:unschedule("gone"), false)

-- The last ten times passed without a worker; then there are three, and a forged one that none of them believes.
local function miss(name, year)
  server:cli(("zadd 'manymoons:{jobs}:y' %d000 %s"):format(utc(year), name))
end
miss("once", this_year - 9)
miss("all", this_year - 9)
server:cli("hset 'manymoons:{jobs}:s:forged' v 1 cron '* * * * *' up once f n:os:exit i '' "
  .. "x '0 1 0 2 9999999999 0 9 1' b '' m '' l '' a ''")
server:cli("zadd 'manymoons:{jobs}:y' 1000 forged")
local workers = {}
for i = 1, 3 do workers[i] = broker.worker(server, "jobs", "--slots 1") end
for year = this_year - 9, this_year do
  expect.equal(mm.result(server.url, "jobs:cron.all-" .. utc(year), expect.HANG), "all")
end
expect.equal(mm.result(server.url, "jobs:cron.once-" .. utc(this_year), expect.HANG), "once")
expect.equal(count_of("all"), 10)
expect.equal(count_of("once"), 1)
expect.equal(pool:schedule("once", "@yearly", note, { runs, "once" }), utc(this_year + 1))
broker.eventually("the forged one is refused", function()
  for i = 1, 3 do
    if workers[i]:said():find('"schedule":"forged"', 1, true) then return true end
  end
end)
pool:unschedule("forged")
for i = 1, 3 do workers[i]:kill("TERM") end
for i = 1, 3 do workers[i]:wait() end
for i = 1, 3 do workers[i] = broker.worker(server, "jobs", "--slots 1 --lease 0.6") end

-- Workers and the server are killed while sixty times are made up for: each time has one outcome, its own.
local MONTHS = 60
local months = cron.read("@monthly")
local first = cron.latest(months, os.time() - (MONTHS - 1) * 30.4 * 86400)
local expected = {}
local at = first
while at < os.time() do
  expected[#expected + 1] = at
  at = cron.next(months, at)
end
pool:schedule("monthly", "@monthly", note, { runs, "monthly" }, { catchup = "all", retries = 50, backoff = 0.01 })
server:cli(("zadd 'manymoons:{jobs}:y' %d000 monthly"):format(first))
for round = 1, 2 do
  broker.eventually("some have run", function() return count_of("monthly") >= round * 10 end)
  workers[round]:kill()
  if round == 1 then
    server:kill()
    server:start()
  end
  workers[round] = broker.worker(server, "jobs", "--slots 1 --lease 0.6")
end
for _, time in ipairs(expected) do
  expect.equal(mm.result(server.url, "jobs:cron.monthly-" .. time, expect.HANG), "monthly")
end
expect.truthy(count_of("monthly") >= #expected, "each has run")
expect.equal(server:cli("xlen 'manymoons:{jobs}:dead'"), "0")
pool:terminate()
other:terminate()
