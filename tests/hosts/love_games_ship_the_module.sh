#!/bin/sh
# SPDX-License-Identifier: MIT
# variants: release
# A packed game brings the module along: love-manymoons.lua copies it into the save directory, once, and says what is wrong
# with one of another version. A game that restarts itself uses it again.
set -eu
export SDL_AUDIODRIVER=dummy XDG_DATA_HOME="$PWD/data"

fail() {
  echo "$1"
  cat said out 2>/dev/null
  exit 1
}

mkdir game
cp "$MM_BUILD/lua/5.1/manymoons.so" "$MM_TOP/packaging/love/love-manymoons.lua" game/
echo 'return { double = function(x) return 2 * x end }' >game/tool.lua
cat >game/conf.lua <<'END'
function love.conf(t)
  t.identity = "shipping"
  t.modules.audio = false
  t.window.width, t.window.height = 64, 64
end
END
# It restarts once, in the middle of work.
cat >game/main.lua <<'END'
local out = io.open(os.getenv("MM_OUT"), "a")
function love.load(_, args)
  local ok, mm = pcall(require, "love-manymoons")
  if not ok then
    out:write(mm, "\n")
    return love.event.quit(3)
  end
  assert(mm == require("manymoons"))
  local tool, sum = require("tool"), 0
  for _, world in ipairs({ "interpreters", "processes" }) do
    for _, n in ipairs(mm[world].Pool(1):map(tool.double, { 1, 2 })) do sum = sum + n end
  end
  local files = love.filesystem.getDirectoryItems("")
  local copies = 0
  for _, name in ipairs(files) do copies = copies + (name:find("^manymoons%-.*%.so$") and 1 or 0) end
  out:write(sum, " ", copies, "\n")
  out:close()
  busy = mm.interpreters.Pool(1)
  busy:submit(function() while true do end end)
  local begun = select(2, io.open(os.getenv("MM_OUT")):read("*a"):gsub("\n", "")) -- how often it has
  love.event.quit(begun < 2 and "restart" or 0)
end
END
(cd game && zip -qr ../game.love .)
cat "$(command -v love)" game.love >fused
chmod +x fused

# play WANTED COMMAND…
play() {
  wanted=$1
  shift
  MM_OUT=$PWD/out timeout "${MM_HANG:-60}" "$MM_TOP/tests/support/with-display" "$@" </dev/null >said 2>&1 || true
  [ "$(cat out)" = "$wanted" ] || fail "$*: wanted: $wanted"
  rm out
}
play "12 1
12 1" ./fused
sed -i 's/^local VERSION = .*/local VERSION = "9.9.9" -- another/' game/love-manymoons.lua
(cd game && zip -qr ../game.love .)
play "love-manymoons: this file is of manymoons 9.9.9, and the module of $(sed -n 's/^#define MANYMOONS_VERSION "\(.*\)"/\1/p' "$MM_TOP/vm/base/version.h"): take both from one version" \
  love game.love
rm game/manymoons.so
LUA_CPATH= play "love-manymoons: no manymoons.so in the game: put it beside main.lua (and package.cpath has none: module 'manymoons' not found:)" love game
