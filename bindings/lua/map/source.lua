-- SPDX-License-Identifier: MIT
-- The input of `manymoons map`: one or more files, or standard input, cut into texts of whole lines.
--
-- It reads no further than the lines that are asked for: what a pipe has beyond them stays there, but for the rest of
-- the last read.
local require, native = ...

local waits = require("core.waits")

local READ_LEAST, READ_MOST = 4096, 262144

local Source = {}
Source.__index = Source

local source = {}

-- names: of files, one after the other; an empty list: standard input.
function source.of_files(names)
  if #names == 0 then names = { "-" } end
  return setmetatable({ names = names, place = 0, text = "", at = 1, begun = {}, is_at_end = false }, Source)
end

-- The lines of a list.
function source.of_list(list)
  local self = source.of_files({ "-" })
  self.text, self.is_at_end = table.concat(list, "\n") .. (#list > 0 and "\n" or ""), true
  return self
end

local function open_next(self)
  self.place = self.place + 1
  local name = self.names[self.place]
  if not name then
    self.is_at_end = true
  elseif name == "-" then
    self.file = io.stdin
  else
    local file, why = io.open(name, "rb")
    if not file then error(why, 0) end
    self.file = file
  end
end

-- Another piece of the file: what begins a line that has no end yet is kept apart, so that a long line is joined once.
local function add(self, piece)
  local begun, last = self.begun, native.last_line_end(piece)
  if piece ~= "" and last == 0 then
    begun[#begun + 1] = piece
    return
  end
  if #begun > 0 and piece == "" then piece, last = "\n", 1 end -- the last line of the file lacks its end
  if piece == "" then return end
  begun[#begun + 1] = piece:sub(1, last)
  self.text, self.at = self.text:sub(self.at) .. table.concat(begun), 1
  self.begun = { piece:sub(last + 1) }
  if self.begun[1] == "" then self.begun[1] = nil end
end

-- What can be waited for until a read would find something; nil: a read does not wait.
function Source:descriptor()
  if self.is_at_end then return nil end
  return self.file and native.descriptor_of(self.file) or nil
end

-- Whether a read would not wait.
function Source:is_ready()
  local descriptor = self:descriptor()
  return not self.is_at_end and (descriptor == nil or #waits.any({ descriptor }, 0) > 0)
end

-- Reads once, about so many bytes, waiting for the first one.
function Source:read(bytes)
  if not self.file then
    open_next(self)
    if not self.file then return end
  end
  local piece, why = native.read_some(self.file, math.floor(math.max(READ_LEAST, math.min(READ_MOST, bytes))))
  if not piece then error((self.names[self.place] == "-" and "stdin" or self.names[self.place]) .. ": " .. why, 0) end
  add(self, piece)
  if piece == "" then
    if self.file ~= io.stdin then self.file:close() end
    self.file = nil
    if self.place == #self.names then self.is_at_end = true end
  end
end

-- Whether all of it was taken.
function Source:is_over() return self.is_at_end and self.at > #self.text end

-- Whether there is as much as that: a read would be for more.
function Source:has(bytes, lines)
  if #self.text + 1 - self.at >= bytes then return true end
  local _, count = native.cut_lines(self.text, self.at, bytes, lines)
  return count >= lines
end

-- Takes whole lines, at most so many, and no more once there are so many bytes: their text, and how many; nil: there is
-- none yet.
function Source:take(bytes, lines)
  local stop, count = native.cut_lines(self.text, self.at, bytes, lines)
  if count == 0 then return nil end
  local text = self.text:sub(self.at, stop - 1)
  self.at = stop
  return text, count
end

return source
