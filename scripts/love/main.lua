-- SPDX-License-Identifier: MIT
-- A small game for LÖVE 11: walkers look for paths through a maze, and the frames stay smooth, because other cores
-- compute the paths. Each frame checks which of the futures are done; nothing waits.
--
--     LUA_CPATH="build/lua/5.1/?.so;;" love scripts/love [pool|thread|here|tour] [FRAMES] [PICTURE.png|.tga]
--
-- `pool` uses manymoons, `thread` love.thread and channels; `here` computes paths in the frame. The keys 1, 2 and
-- 3 change the mode, and `tour` presses them. With FRAMES the game ends after so many frames and prints a table of
-- frame times. WALKERS_NICE is the niceness of the pool's workers.
-- luacheck: ignore love
local paths = require("paths")

local WIDTH, HEIGHT, CELL, WALKERS = 120, 80, 8, 60
local MODES = { "pool", "thread", "here" }
local WALKS, WAITS = { 0.34, 0.71, 0.91 }, { 0.90, 0.62, 0 } -- blue and orange: for any kind of colour vision
local NICE = tonumber(os.getenv("WALKERS_NICE")) or 3
local frames, picture, is_tour = tonumber(arg[3]), arg[4], arg[2] == "tour"
local grid, walkers, finder, mode = "", {}, nil, nil
local frame, recent, results = 0, {}, {} -- recent: the last frame times; results: mode → { times =, found = }

-- Path finders: ask(walker, from, to) starts a search; collect(), once a frame, calls arrive(walker, list) for results.
local finders = {}

function finders.pool(arrive)
  local mm = require("manymoons")
  local pool, asked, futures = mm.interpreters.Pool({ workers = mm.cpu_count(), nice = NICE }), {}, {}
  return {
    ask = function(walker, from, to)
      asked[#asked + 1] = walker
      futures[#futures + 1] = pool:submit(paths.find, grid, WIDTH, HEIGHT, from, to)
    end,
    collect = function()
      for i = #asked, 1, -1 do
        if futures[i]:ready() then arrive(table.remove(asked, i), table.remove(futures, i):get()) end
      end
    end,
    close = function() pool:terminate() end,
  }
end

function finders.thread(arrive)
  local asked, answers = love.thread.newChannel(), love.thread.newChannel()
  local threads = {}
  for i = 1, love.system.getProcessorCount() do
    threads[i] = love.thread.newThread([[
      local asked, answers = ...
      local paths = require("paths")
      while true do
        local job = asked:demand()
        if job == "end" then return end
        answers:push({ walker = job.walker, list = paths.find(job.grid, job.width, job.height, job.from, job.to) })
      end
    ]])
    threads[i]:start(asked, answers)
  end
  return {
    ask = function(walker, from, to)
      asked:push({ walker = walker, grid = grid, width = WIDTH, height = HEIGHT, from = from, to = to })
    end,
    collect = function()
      local answer = answers:pop()
      while answer do
        arrive(answer.walker, answer.list)
        answer = answers:pop()
      end
    end,
    close = function()
      asked:clear()
      for _ = 1, #threads do asked:push("end") end
      for _, thread in ipairs(threads) do thread:wait() end
    end,
  }
end

function finders.here(arrive)
  return {
    ask = function(walker, from, to) arrive(walker, paths.find(grid, WIDTH, HEIGHT, from, to)) end,
    collect = function() end,
    close = function() end,
  }
end

local function free_cell()
  while true do
    local cell = love.math.random(0, WIDTH * HEIGHT - 1)
    if grid:byte(cell + 1) ~= 35 then return cell end
  end
end

local function make_grid()
  local cells = {}
  for y = 0, HEIGHT - 1 do
    for x = 0, WIDTH - 1 do
      local is_wall = (x % 6 == 3 and (y + x) % 13 > 1) or love.math.random() < 0.05
      cells[#cells + 1] = is_wall and "#" or "."
    end
  end
  return table.concat(cells)
end

local function set_out(walker)
  walker.way, walker.step, walker.to = nil, 1, free_cell()
  finder.ask(walker.id, walker.cell, walker.to)
end

local function arrive(id, list)
  results[mode].found = results[mode].found + 1
  walkers[id].way = list or {}
end

-- Walkers that wait ask again, for what was asked of the mode before is lost with it.
local function change_mode(name)
  if finder then finder.close() end
  mode, recent = name, {}
  results[mode] = results[mode] or { times = {}, found = 0 }
  finder = finders[mode](arrive)
  for _, walker in ipairs(walkers) do
    if not walker.way then finder.ask(walker.id, walker.cell, walker.to) end
  end
end

function love.load()
  love.math.setRandomSeed(7)
  grid = make_grid()
  change_mode(is_tour and MODES[1] or arg[2] or "pool")
  for id = 1, WALKERS do
    walkers[id] = { id = id, cell = free_cell() }
    set_out(walkers[id])
  end
end

function love.keypressed(key)
  local name = MODES[tonumber(key)]
  if name and name ~= mode then change_mode(name) end
end

local begun, next_frame

-- 60 frames a second, even without a screen to wait for.
local function wait_for_frame()
  next_frame = (next_frame or love.timer.getTime()) + 1 / 60
  love.timer.sleep(math.max(0, next_frame - love.timer.getTime()))
end

-- The tour presses the keys 2 and 3.
local function tour()
  for key = 2, #MODES do
    if frame == math.floor(frames * (key - 1) / #MODES) then love.event.push("keypressed", tostring(key), "", false) end
  end
end

function love.update()
  wait_for_frame()
  begun = love.timer.getTime()
  frame = frame + 1
  if is_tour and frames then tour() end
  finder.collect()
  for _, walker in ipairs(walkers) do
    if walker.way and walker.way[walker.step] then
      walker.cell = walker.way[walker.step]
      walker.step = walker.step + 3
    elseif walker.way then
      set_out(walker)
    end
  end
end

-- The time, in milliseconds, that a share of the frames does not exceed.
local function percentile(list, share)
  local sorted = { unpack(list) }
  table.sort(sorted)
  return (sorted[math.max(1, math.ceil(#sorted * share))] or 0) * 1000
end

local function report()
  print("mode    frames  median ms  p95 ms  worst ms  ways found")
  for _, name in ipairs(MODES) do
    local r = results[name]
    if r then
      local list = r.times
      print(("%-7s %6d %10.2f %7.2f %9.2f %11d"):format(name, #list, percentile(list, 0.5), percentile(list, 0.95),
        percentile(list, 1), r.found))
    end
  end
end

local function draw_walker(x, y, waits)
  love.graphics.setColor(waits and WAITS or WALKS)
  if waits then love.graphics.rectangle("line", x - 3.5, y - 3.5, 7, 7) else love.graphics.circle("fill", x, y, 4) end
end

local function draw_hud()
  local name = { pool = "1 pool: manymoons", thread = "2 thread: love.thread", here = "3 here: in the frame" }
  love.graphics.setColor(0, 0, 0, 0.85)
  love.graphics.rectangle("fill", 0, 0, WIDTH * CELL, 24)
  love.graphics.setColor(1, 1, 1)
  love.graphics.print(("mode %s   keys 1 2 3   %d fps   p95 %.1f ms   %d ways"):format(name[mode], love.timer.getFPS(),
    percentile(recent, 0.95), results[mode].found), 8, 5)
  draw_walker(620, 12, false)
  draw_walker(740, 12, true)
  love.graphics.setColor(1, 1, 1)
  love.graphics.print("walks its way", 630, 5)
  love.graphics.print("waits for its way to be found", 750, 5)
end

local function save(image)
  local file = assert(io.open(picture, "wb"))
  file:write(image:encode(picture:match("%.(%w+)$")):getString())
  file:close()
end

function love.draw()
  love.graphics.setColor(0.25, 0.3, 0.4)
  for cell = 0, WIDTH * HEIGHT - 1 do
    if grid:byte(cell + 1) == 35 then
      love.graphics.rectangle("fill", cell % WIDTH * CELL, math.floor(cell / WIDTH) * CELL, CELL, CELL)
    end
  end
  for _, walker in ipairs(walkers) do
    draw_walker(walker.cell % WIDTH * CELL + 4, math.floor(walker.cell / WIDTH) * CELL + 4, not walker.way)
  end
  draw_hud()
  local time = love.timer.getTime() - begun
  table.insert(results[mode].times, time)
  table.insert(recent, time)
  if #recent > 120 then table.remove(recent, 1) end
  if frame == frames then
    report()
    if picture then love.graphics.captureScreenshot(save) end
  elseif frames and frame > frames then
    love.event.quit()
  end
end

function love.quit() finder.close() end
