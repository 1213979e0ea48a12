-- SPDX-License-Identifier: MIT
function love.conf(t) -- luacheck: ignore love
  t.window.title = "walkers"
  t.window.width, t.window.height = 960, 640
  t.modules.audio, t.modules.sound, t.modules.physics, t.modules.joystick = false, false, false, false
end
