-- SPDX-License-Identifier: MIT
-- How creatures of creatures.c think: they keep together, but not too close, and away from the edges. think() is called
-- for a flock, in a VM of its own, as often as it can be; the world goes on meanwhile. `world` is memory that the game
-- shares: for each creature x, y, the velocity, and the acceleration that is wanted, which is what scripts write.
local STRIDE = 6

function think(world, first, count, width, height)
  for i = first, first + count - 1 do
    local at = i * STRIDE
    local x, y = world[at + 1], world[at + 2]
    local cx, cy, n, ax, ay = 0, 0, 0, 0, 0
    for j = first, first + count - 1 do
      if j ~= i then
        local other = j * STRIDE
        local dx, dy = world[other + 1] - x, world[other + 2] - y
        local distance = dx * dx + dy * dy
        if distance < 6400 then
          cx, cy, n = cx + dx, cy + dy, n + 1
          if distance < 100 then ax, ay = ax - dx * 8, ay - dy * 8 end
        end
      end
    end
    if n > 0 then ax, ay = ax + cx / n, ay + cy / n end
    if x < 60 then ax = ax + 200 elseif x > width - 60 then ax = ax - 200 end
    if y < 60 then ay = ay + 200 elseif y > height - 60 then ay = ay - 200 end
    world[at + 5], world[at + 6] = ax, ay
  end
  return count
end
