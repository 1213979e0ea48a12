-- SPDX-License-Identifier: MIT
-- The module in a LÖVE game, also in one that is packed: require("love-manymoons") returns it.
--
-- Put this file and manymoons.so (of lib/lua/5.1) beside main.lua, and pack both. The system loads no library out of a
-- .love archive or a fused executable, so the module is copied into the save directory first: once for each version of
-- it, and under another name at first, for a second copy of the game may be using the file. Without a manymoons.so in
-- the game the module is the one that package.cpath finds. Afterwards require("manymoons") finds it as well.
-- luacheck: read globals love
local VERSION = "0.1.0" -- of the module that this file belongs to
local FILE = "manymoons.so"

if package.loaded.manymoons then return package.loaded.manymoons end

local function fail(text, ...) error("love-manymoons: " .. text:format(...), 0) end

local fs = love and love.filesystem
if not fs then fail("there is no love.filesystem here: require it in main.lua, not in conf.lua or a worker") end

-- Writes the module into the save directory, unless it is there, and returns its path.
local function copy(data)
  local hash = love.data.encode("string", "hex", love.data.hash("sha1", data))
  local name = ("manymoons-%s-%s.so"):format(VERSION, hash:sub(1, 12))
  local folder = fs.getSaveDirectory()
  local found = fs.getInfo(name, "file")
  if found and found.size == #data then return folder .. "/" .. name end
  local begun = ("%s.%d"):format(name, love.timer and love.timer.getTime() * 1e6 or os.time())
  local written, why = fs.write(begun, data)
  if not written then fail("cannot write %s/%s: %s", folder, begun, tostring(why)) end
  local renamed, reason = os.rename(folder .. "/" .. begun, folder .. "/" .. name)
  if not renamed then fail("cannot rename %s", tostring(reason)) end
  return folder .. "/" .. name
end

local function load_from_game()
  local data = fs.read(FILE)
  if not data then return nil end
  local path = copy(data)
  local open, why = package.loadlib(path, "luaopen_manymoons")
  if not open then fail("%s of the game cannot be loaded: %s", FILE, tostring(why)) end
  return open("manymoons", path)
end

local function load_from_system()
  local ok, found = pcall(require, "manymoons")
  if ok then return found end
  local why = tostring(found):match("[^\n]*")
  fail("no %s in the game: put it beside main.lua (and package.cpath has none: %s)", FILE, why)
end

local mm = load_from_game() or load_from_system()
if mm.version ~= VERSION then
  fail("this file is of manymoons %s, and the module of %s: take both from one version", VERSION, tostring(mm.version))
end
package.loaded.manymoons = mm
return mm
