-- SPDX-License-Identifier: MIT
-- FileLock(path): a lock between programs. The system keeps it, and releases it when the program that holds it ends,
-- however it ends.
--
-- A FileLock travels as its path: each VM opens the file when it first acquires the lock, and each FileLock excludes
-- every other one of that file, in whatever thread, VM or program. The system has no wait with a deadline for such
-- locks, nor one that lets tasks run, so a waiter tries again and again, with growing pauses: waiters have no order.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local locks = require("locks.locks")
local waits = require("core.waits")

local expect = checks.expect
local FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05 -- seconds

local FileLock = {}
local meta = { __index = FileLock, __name = "FileLock" }
local files = setmetatable({}, { __mode = "k" }) -- FileLock → the file that this VM has open
local holders = setmetatable({}, { __mode = "k" }) -- FileLock → the thread or task of this VM that holds it

local function check(self, method)
  checks.self(self, meta, "FileLock:" .. method)
  if self._is_closed then checks.fail("FileLock:" .. method .. ": used after it was closed") end
end

local function caller() return waits.current_task() or native.thread() or "main" end

-- → true; or nil, "timeout"; raises where the system refuses the file
local function try(self)
  if holders[self] then return nil, "timeout" end
  if not files[self] then
    local file, why = native.file_lock_open(self.path)
    if not file then checks.fail("FileLock: " .. self.path .. ": " .. why) end
    files[self] = file
  end
  local ok, why = files[self]:try()
  if ok then
    holders[self] = caller()
  elseif why == "closed" then
    files[self] = nil -- it was the parent's, of which this process is a fork
    return try(self)
  elseif why ~= "timeout" then
    checks.fail("FileLock: " .. self.path .. ": " .. why)
  end
  return ok, why
end

-- acquire(timeout), or as in Python acquire(block, timeout) → true; or nil, "timeout"
function FileLock.acquire(self, block, timeout)
  check(self, "acquire")
  if block == false then
    timeout = 0
  elseif block ~= true then
    timeout = block
  end
  timeout = checks.timeout(timeout, "FileLock:acquire")
  local until_when, pause = timeout and native.time() + timeout, FIRST_PAUSE
  local ok, why = try(self)
  while not ok do
    if holders[self] == caller() and not timeout and not waits.has_other_tasks() then
      errors.raise_kind("deadlock", "FileLock:acquire: the caller holds it already: it would wait for ever")
    end
    local left = until_when and until_when - native.time() or math.huge
    if left <= 0 then return nil, why end
    waits.sleep(math.min(pause, left))
    pause = math.min(2 * pause, LONGEST_PAUSE)
    check(self, "acquire")
    ok, why = try(self)
  end
  return true
end

-- Any thread of the VM may release it.
function FileLock.release(self)
  check(self, "release")
  expect(holders[self] ~= nil, "FileLock:release", "nobody holds it by this handle")
  holders[self] = nil
  files[self]:release()
end

-- Whether it is held, here or by anybody else.
function FileLock.locked(self)
  check(self, "locked")
  local ok = try(self)
  if ok then FileLock.release(self) end
  return not ok
end

FileLock.with = locks.new_with("FileLock", "", function(self) check(self, "with") end)
FileLock.guard = locks.new_guard("FileLock", "", function(self) check(self, "guard") end)

-- Releases it, too. Safe to call twice.
function FileLock.close(self)
  checks.self(self, meta, "FileLock:close")
  if files[self] then files[self]:close() end
  files[self], holders[self], self._is_closed = nil, nil, true
end

meta.__close = FileLock.close
function meta.__tostring(self)
  return "FileLock: " .. self.path .. ", " .. (holders[self] and "held" or "not held here")
end

local file_lock = { class = meta }

function file_lock.FileLock(path)
  expect(type(path) == "string" and path ~= "" and not path:find("%z"), "FileLock",
    "path: the name of a file expected, got " .. (path == "" and "''" or type(path)))
  return setmetatable({ path = path, _is_closed = false }, meta)
end

-- What the parent holds is the parent's.
function file_lock.after_fork()
  for self in pairs(holders) do holders[self] = nil end
end

return file_lock
