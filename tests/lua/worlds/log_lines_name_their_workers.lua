-- SPDX-License-Identifier: MIT
-- mm.log_to_stderr and mm.get_logger: nothing until they are turned on; then lines with level, name and pid, of the
-- script in each worker, and of the library when workers start and end.
local mm = require "manymoons"
local expect = require "expect"

-- What f writes to stderr.
local function lines_of(f, ...)
  local said, real = {}, io.stderr
  io.stderr = { write = function(_, ...) said[#said + 1] = table.concat({ ... }) end }
  local ok, err = pcall(f, ...)
  io.stderr = real
  if not ok then error(err, 0) end
  return said
end

local logger = mm.get_logger()
local function speak()
  logger:debug("quiet")
  logger:info("%d of %s", 3, "ten")
  logger:warning("100 % sure\27[1m")
  logger:error("loud")
end
local function work()
  local worker = mm.Process{ target = function() return 1 end, name = "Mover" }
  worker:start()
  expect.truthy(worker:join(expect.HANG))
  return worker.pid
end

expect.equal(lines_of(speak), {})
expect.equal(lines_of(work), {})
expect.equal(tostring(logger), "Logger: off")

local pid = mm.current_process().pid
local function from_main(level, text) return ("[%s/MainProcess %d] %s\n"):format(level, pid, text) end
expect.equal(mm.log_to_stderr(), logger)
local lines = lines_of(speak)
expect.equal({ #lines, lines[1], lines[3] }, { 3, from_main("INFO", "3 of ten"), from_main("ERROR", "loud") })
expect.truthy(lines[2]:find("100 %% sure") and not lines[2]:find("\27"), "an escape sequence is shown: " .. lines[2])
local moved
lines = lines_of(function() moved = work() end)
expect.equal(lines, { from_main("INFO", "Mover starts, pid " .. moved), from_main("INFO", "Mover ended, exit code 0") })

-- Workers that start from now on have the level; the logger goes along.
local pool
lines = lines_of(function() pool = mm.Pool{ workers = 1, name = "Reader" } end)
expect.equal(lines, { from_main("INFO", "Reader-1 starts, pid " .. pool:stats()[1].pid) })
lines = pool:apply(lines_of, speak)
local worker = "/Reader-1 " .. pool:stats()[1].pid .. "] "
expect.equal({ #lines, lines[1], lines[3] }, { 3, "[INFO" .. worker .. "3 of ten\n", "[ERROR" .. worker .. "loud\n" })
expect.equal(lines_of(function() pool:terminate() end), { from_main("INFO", "Reader-1 ends with its pool") })

-- Another level, and none.
mm.log_to_stderr("error")
expect.equal(lines_of(speak), { from_main("ERROR", "loud") })
expect.equal(lines_of(work), {})
mm.log_to_stderr("debug")
expect.equal(lines_of(logger.debug, logger, "fine"), { from_main("DEBUG", "fine") })
mm.log_to_stderr(false)
expect.equal(lines_of(speak), {})

expect.raises("log_to_stderr: 'debug', 'info', 'warning', 'error' or false expected, got loud", mm.log_to_stderr,
  "loud")
expect.raises("Logger:info: argument 1: a string expected, got number", logger.info, logger, 5)
expect.raises("Logger:info: a Logger expected, got string", logger.info, "x")
