-- SPDX-License-Identifier: MIT
-- A small game for LÖVE 11: walkers look for paths through a maze, and the frames stay smooth, because other cores
-- compute the paths. Each frame checks which of the futures are done; nothing waits.
--
--     LUA_CPATH="build/lua/5.1/?.so;;" love scripts/love [pool|thread|here] [FRAMES] [PICTURE.png]
--
-- `pool` uses manymoons, `thread` love.thread and channels; `here` computes paths in the frame itself.
-- With FRAMES the game ends after so many frames and prints a table of frame times.
-- luacheck: ignore love
local paths = require("paths")

local WIDTH, HEIGHT, CELL, WALKERS = 120, 80, 8, 60
local mode, frames, picture = arg[2] or "pool", tonumber(arg[3]), arg[4]
local grid, walkers, times, found, finder = "", {}, {}, 0, nil

-- Path finders: ask(walker, from, to) starts a search; collect(), once a frame, calls arrive(walker, list) for results.
local finders = {}

function finders.pool(arrive)
  local mm = require("manymoons")
  local pool, asked = mm.interpreters.Pool({ workers = mm.cpu_count(), nice = 10 }), {}
  return {
    ask = function(walker, from, to)
      asked[#asked + 1] = { walker = walker, future = pool:submit(paths.find, grid, WIDTH, HEIGHT, from, to) }
    end,
    collect = function()
      for i = #asked, 1, -1 do
        if asked[i].future:ready() then
          local done = table.remove(asked, i)
          arrive(done.walker, done.future:get())
        end
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
  found = found + 1
  walkers[id].way = list or {}
end

function love.load()
  love.math.setRandomSeed(7)
  grid = make_grid()
  finder = assert(finders[mode], "pool, thread or here expected")(arrive)
  for id = 1, WALKERS do
    walkers[id] = { id = id, cell = free_cell() }
    set_out(walkers[id])
  end
end

local begun, next_frame

-- 60 frames a second, even without a screen to wait for.
local function wait_for_frame()
  next_frame = (next_frame or love.timer.getTime()) + 1 / 60
  love.timer.sleep(math.max(0, next_frame - love.timer.getTime()))
end

function love.update()
  wait_for_frame()
  begun = love.timer.getTime()
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

local function report()
  table.sort(times)
  local function at(share) return times[math.max(1, math.ceil(#times * share))] * 1000 end
  print("mode    frames  median ms  p95 ms  worst ms  ways found")
  print(("%-7s %6d %10.2f %7.2f %9.2f %11d"):format(mode, #times, at(0.5), at(0.95), at(1), found))
end

function love.draw()
  love.graphics.setColor(0.25, 0.3, 0.4)
  for cell = 0, WIDTH * HEIGHT - 1 do
    if grid:byte(cell + 1) == 35 then
      love.graphics.rectangle("fill", cell % WIDTH * CELL, math.floor(cell / WIDTH) * CELL, CELL, CELL)
    end
  end
  for _, walker in ipairs(walkers) do
    love.graphics.setColor(walker.way and { 0.4, 0.9, 0.5 } or { 0.95, 0.6, 0.2 })
    love.graphics.circle("fill", walker.cell % WIDTH * CELL + 4, math.floor(walker.cell / WIDTH) * CELL + 4, 4)
  end
  times[#times + 1] = love.timer.getTime() - begun
  if #times == frames then
    report()
    if picture then love.graphics.captureScreenshot(function(image)
      local file = assert(io.open(picture, "wb"))
      file:write(image:encode("png"):getString())
      file:close()
    end) end
  elseif frames and #times > frames then
    love.event.quit()
  end
end

function love.quit() finder.close() end
