-- SPDX-License-Identifier: MIT
-- Messages between two threads of a LÖVE game: love.thread's channels, and queues of manymoons between interpreters, in
-- turns in one run. Medians of 7.
--
--     LUA_CPATH="build/lua/5.1/?.so;;" love tests/bench/love
-- luacheck: ignore love
local mm = require("manymoons")

local ROUNDS, TRIPS, MESSAGES, NUMBERS = 7, 2000, 20000, 100000

-- Each with put and get, and an other side that sends everything back.
local function love_channels()
  local there, back = love.thread.newChannel(), love.thread.newChannel()
  love.thread.newThread([[
    local there, back = ...
    while true do back:push(there:demand()) end
  ]]):start(there, back)
  return function(v) there:push(v) end, function() return back:demand() end
end

local function queues()
  local there, back = mm.interpreters.Queue(), mm.interpreters.Queue()
  local echo = mm.interpreters.Process({ daemon = true, args = { there, back }, target = function(from, to)
    while true do to:put(from:get()) end
  end })
  echo:start()
  return function(v) there:put(v) end, function() return back:get() end
end

local function seconds(f)
  local begun = love.timer.getTime()
  f()
  return love.timer.getTime() - begun
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local function measure(put, get)
  local numbers, results = {}, {}
  for i = 1, NUMBERS do numbers[i] = i + 0.5 end
  results[1] = seconds(function()
    for i = 1, TRIPS do
      put(i)
      get()
    end
  end) / TRIPS * 1e6
  results[2] = seconds(function()
    for i = 1, MESSAGES do put(i) end
    for _ = 1, MESSAGES do get() end
  end) / MESSAGES / 2 * 1e6
  results[3] = seconds(function()
    put(numbers)
    get()
  end) / 2 * 1e3
  return results
end

function love.load()
  local lists = { love = { {}, {}, {} }, mm = { {}, {}, {} } }
  local love_put, love_get = love_channels()
  local put, get = queues()
  for _ = 1, ROUNDS do
    for i, value in ipairs(measure(love_put, love_get)) do table.insert(lists.love[i], value) end
    for i, value in ipairs(measure(put, get)) do table.insert(lists.mm[i], value) end
  end
  print("                             love.thread  manymoons")
  for i, name in ipairs({ "round trip, us", "a message, us", "100,000 numbers, ms" }) do
    print(("%-28s %11.2f %10.2f"):format(name, median(lists.love[i]), median(lists.mm[i])))
  end
  io.stdout:flush()
  os.exit(0)
end
