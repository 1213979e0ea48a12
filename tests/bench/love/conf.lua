-- SPDX-License-Identifier: MIT
function love.conf(t) -- luacheck: ignore love
  t.modules.window, t.modules.graphics, t.modules.audio = false, false, false
end
