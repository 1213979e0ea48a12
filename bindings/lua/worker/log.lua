-- SPDX-License-Identifier: MIT
-- mm.log_to_stderr and mm.get_logger: lines on stderr with the worker's name and pid, of the script's and of this
-- library's own, which say when workers start and end. Off until a script asks for it; the workers that it starts from
-- then on have its level.
--
--     [INFO/MainProcess 4711] PoolWorker-1 starts, pid 4712
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local identity = require("core.identity")

local log = {}

local NAMES = { "debug", "info", "warning", "error" } -- in rising order
local ranks = {}
for rank, name in ipairs(NAMES) do ranks[name] = rank end

-- The name of the least level that is written; nil: nothing is.
local least = native.settings() and native.settings().log or nil

function log.level() return least end

local function is_on(level) return least ~= nil and ranks[level] >= ranks[least] end

local function write(level, text)
  local here = identity.current()
  local name = native.printable(here.name)
  diagnostics.write(("[%s/%s %d] %s\n"):format(level:upper(), name, here.pid, native.printable(text)))
end

-- A line of this library's own, by a format.
function log.say(level, ...)
  if is_on(level) then write(level, string.format(...)) end
end

-- The worker of that name has ended.
function log.say_end(name, code)
  if is_on("info") then write("info", ("%s ended, exit code %s"):format(name, tostring(code))) end
end

local Logger = {}
local logger_meta = { __index = Logger, __name = "Logger" }
function logger_meta.__tostring() return "Logger: " .. (least or "off") end

for _, level in ipairs(NAMES) do
  local where = "Logger:" .. level
  Logger[level] = function(self, text, ...)
    checks.self(self, logger_meta, where)
    checks.expect(type(text) == "string", where, "argument 1: a string expected, got " .. type(text))
    if not is_on(level) then return end
    local ok, line = true, text
    if select("#", ...) > 0 then ok, line = pcall(string.format, text, ...) end
    if not ok then checks.fail(where .. ": " .. checks.bare(line)) end
    write(level, line)
  end
end

local logger = setmetatable({}, logger_meta)

function log.get_logger() return logger end

-- level: "debug", "info" (the default), "warning" or "error"; false: nothing any more
function log.log_to_stderr(level)
  checks.expect(level == nil or level == false or ranks[level], "log_to_stderr",
    "'debug', 'info', 'warning', 'error' or false expected, got " .. checks.show(level))
  if level == nil then level = "info" end
  least = level or nil
  return logger
end

log.logger_meta = logger_meta

return log
