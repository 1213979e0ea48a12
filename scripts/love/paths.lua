-- SPDX-License-Identifier: MIT
-- Path finding: A* over a grid of cells in a string, "#" for walls. Pure: any Lua, in any worker.
local paths = {}

local moves = { { 1, 0 }, { -1, 0 }, { 0, 1 }, { 0, -1 } }

local function index(width, x, y) return y * width + x + 1 end

-- A heap of cells by their cost.
local function push(heap, costs, cell)
  local at = #heap + 1
  heap[at] = cell
  while at > 1 do
    local up = math.floor(at / 2)
    if costs[heap[up]] <= costs[cell] then break end
    heap[at], heap[up] = heap[up], cell
    at = up
  end
end

local function pop(heap, costs)
  local first, last = heap[1], table.remove(heap)
  local at, size = 1, #heap
  if size == 0 then return first end
  heap[1] = last
  while at * 2 <= size do
    local down = at * 2
    if down < size and costs[heap[down + 1]] < costs[heap[down]] then down = down + 1 end
    if costs[heap[down]] >= costs[last] then break end
    heap[at], heap[down] = heap[down], last
    at = down
  end
  return first
end

-- find(grid, width, height, from, to) → the list of cells on a path; nil if there is none. Cells count from 0.
function paths.find(grid, width, height, from, to)
  local tx, ty = to % width, math.floor(to / width)
  local came, steps, costs, heap = { [from] = from }, { [from] = 0 }, { [from] = 0 }, {}
  push(heap, costs, from)
  while #heap > 0 do
    local cell = pop(heap, costs)
    if cell == to then
      local list = {}
      while cell ~= from do
        table.insert(list, 1, cell)
        cell = came[cell]
      end
      return list
    end
    local x, y = cell % width, math.floor(cell / width)
    for direction = 1, 4 do
      local nx, ny = x + moves[direction][1], y + moves[direction][2]
      local next_cell = ny * width + nx
      local is_free = nx >= 0 and ny >= 0 and nx < width and ny < height and grid:byte(index(width, nx, ny)) ~= 35
      if is_free and (not steps[next_cell] or steps[cell] + 1 < steps[next_cell]) then
        came[next_cell], steps[next_cell] = cell, steps[cell] + 1
        costs[next_cell] = steps[next_cell] + math.abs(nx - tx) + math.abs(ny - ty)
        push(heap, costs, next_cell)
      end
    end
  end
end

return paths
