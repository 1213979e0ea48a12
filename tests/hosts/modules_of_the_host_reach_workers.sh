#!/bin/sh
# SPDX-License-Identifier: MIT
# Modules that the host's own loader found are there in workers: a plugin in Neovim's 'runtimepath', files of a
# game, of a .love archive and of a fused executable, what a searcher of the script finds. So are the functions in
# pure Lua of the host, and its null.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the host

mkdir -p rtp/lua/plugin game/parts
echo 'local M = { base = 2 } function M.double(x) return x * M.base end return M' >rtp/lua/plugin/util.lua
echo 'local util = require("plugin.util") return { four = function(x) return util.double(util.double(x)) end }' \
  >rtp/lua/plugin/more.lua
cp -r rtp/lua/plugin game/plugin

# Defines `try`, and the checks that all hosts have in common. Late modules are loaded after the pool began.
cat >checks.lua <<'END'
package.cpath = os.getenv("MM_CPATH") .. ";" .. package.cpath
mm = require("manymoons")
local out = assert(io.open(os.getenv("MM_OUT"), "w"))
pool = mm.world(os.getenv("MM_IN")).Pool(1)
early = mm.world(os.getenv("MM_IN")).Pool(1)
function try(what, want, ...)
  local ok, got = pcall(pool.apply, pool, ...)
  if type(want) == "table" then got = getmetatable(got) end
  if not ok or got ~= want then out:write(what, ": ", (tostring(got):gsub("\n.*", "")), "\n") end
end
function common()
  local util, more = require("plugin.util"), require("plugin.more")
  pool:terminate()
  for when, p in pairs({ late = early, early = mm.world(os.getenv("MM_IN")).Pool(1) }) do
    pool = p
    try(when .. ": a module as upvalue", 8, function(x) return util.double(x) end, 4)
    try(when .. ": a function of it", 8, util.double, 4)
    try(when .. ": a module with a module", 16, function(x) return more.four(x) end, 4)
    try(when .. ": required in the worker", 20, function(x) return require("plugin.more").four(x) end, 5)
    try(when .. ": as an argument", 6, function(m) return m.double(3) end, util)
  end
end
function finish()
  out:write("done\n")
  out:close()
  pool:terminate()
  early:terminate()
end
END
cat >editor.lua <<'END'
dofile("checks.lua")
common()
local split = vim.split
try("vim.split as upvalue", 3, function(s) return #split(s, ",") end, "a,b,c")
try("vim.split", 3, vim.split and function(s) return #vim.split(s, ",") end, "a,b,c")
try("vim.tbl_map", 6, function(list) return vim.tbl_map(function(x) return x * 2 end, list)[3] end, { 1, 2, 3 })
local decoded = vim.fn.json_decode('{"a":null}')
try("a null", true, function(t) return type(t.a) == "userdata" and t.a == vim.NIL end, decoded)
try("a null that comes back", vim.NIL, function(t) return t.a end, decoded)
local empty = vim.fn.json_decode("{}")
try("an empty object", "table", type, empty)
try("an empty object that comes back", getmetatable(empty), function(t) return t end, empty)
if os.getenv("MM_IN") ~= "threads" then
  try("code that asks for the editor", true, function() return vim == nil or vim.api == nil end)
  local ok, why = pcall(pool.apply, pool, function() return vim.api.nvim_get_current_line() end)
  try("what belongs to the editor", true, function(text)
    return text:find("vim.api belongs to the editor; workers have none", 1, true) ~= nil
  end, tostring(not ok and why))
end
finish()
vim.cmd("qall!")
END
cat >game/main.lua <<'END'
assert(loadstring(assert(io.open(os.getenv("MM_CHECKS"))):read("*a")))()
function love.load()
  common()
  if os.getenv("MM_IN") == "interpreters" then
    try("code that asks for the game", true, function() return love == nil end)
    local ok, why = pcall(pool.apply, pool, function() return love.timer.getTime() end)
    try("what belongs to the game", true, function(text)
      return text:find("love belongs to the game; workers have none", 1, true) ~= nil
    end, tostring(not ok and why))
  end
  finish()
  love.event.quit()
end
END
cat >game/conf.lua <<'END'
function love.conf(t)
  t.modules.audio = false
  t.window.width, t.window.height = 64, 64
end
END
cat >searcher.lua <<'END'
local sources = {}
for _, name in ipairs({ "util", "more" }) do
  sources["plugin." .. name] = assert(io.open("rtp/lua/plugin/" .. name .. ".lua")):read("*a")
end
local finder = coroutine.wrap(function(name) -- which cannot be sent
  while true do name = coroutine.yield(sources[name]) end
end)
table.insert(package.searchers or package.loaders, 2, function(name)
  local source = finder(name)
  return source and assert((loadstring or load)(source, "@" .. name))
end)
dofile("checks.lua")
common()
finish()
END
(cd game && zip -qr ../game.love .)

jit=$MM_BUILD/lua/5.1/?.so
export MM_OUT MM_CPATH MM_IN MM_CHECKS="$PWD/checks.lua"
# check NAME CPATH COMMAND…
check() {
  local name=$1
  MM_CPATH=$2
  shift 2
  for MM_IN in ${worlds:-threads interpreters processes}; do
    MM_OUT=$PWD/$name.$MM_IN
    timeout "${MM_HANG:-60}" "$@" </dev/null >said 2>&1 || { echo "$name: exit status $?"; cat said; exit 1; }
    [ "$(cat "$MM_OUT")" = done ] || { echo "$name, $MM_IN:"; cat "$MM_OUT" said; exit 1; }
  done
}
check neovim "$jit" nvim --headless -u NONE --cmd "set rtp+=$PWD/rtp" -c "luafile editor.lua" -c 'qa!'
check directory "$jit" env SDL_AUDIODRIVER=dummy "$MM_TOP/tests/support/with-display" love game
check archive "$jit" env SDL_AUDIODRIVER=dummy "$MM_TOP/tests/support/with-display" love game.love
worlds='interpreters processes'
cat "$(command -v love)" game.love >fused # as a game is shipped
chmod +x fused
check fused "$jit" env SDL_AUDIODRIVER=dummy "$MM_TOP/tests/support/with-display" ./fused
check searcher-luajit "$jit" luajit searcher.lua
check searcher-5.4 "$MM_BUILD/lua/5.4/?.so" lua5.4 searcher.lua
