-- SPDX-License-Identifier: MIT
-- A run of `manymoons map`: it cuts the input into slices, gives them to a pool, and prints what they return.
--
--   slice   text, first (the number of its first line), count, tries; then is_done, and what map/program.lua returned
--
-- The slices under way, from the first that is not printed on, are a list by their field `next`. A slice has as many
-- lines as take SECONDS, as far as is known: at first one line. So cheap lines cost no more than a loop over them, and
-- dear ones are spread over the workers.
--
-- I1  Bytes under way, texts and results that wait for their turn, are at most BYTES_MOST, but for a slice each worker.
-- I2  A slice whose worker died runs again, each line by itself: a line runs at most twice by that.
-- I3  Nothing is read that no slice is to have now.
local require, native = ...

local bars = require("terminal.bars")
local diagnostics = require("core.diagnostics")
local waits = require("core.waits")
local program = require("map.program")

local SECONDS = 0.01
local GROWTH = 8 -- of a slice, beside the one before
local KEPT = 0.5 -- so much does what is known count beside the next slice
local SLICE_BYTES = 131072
local BYTES_MOST = 4194304
local OPEN_EACH, UNPRINTED_EACH = 2, 16 -- slices for each worker
local ALL = 2 ^ 52
local EPIPE = 32

local Session = {}
Session.__index = Session

local session = {}

-- options: plan, pool, run (the function that workers call), source, halt; chunksize, timeout, retries, is_unordered,
-- log, done (lines to leave out), block (bytes of a piece), has_bar (whether one is wanted), total.
function session.new(options)
  local self = setmetatable(options, Session)
  self.bytes = native.dumps(self.plan)
  self.number, self.size, self.open, self.unprinted, self.under_way = 1, self.chunksize or 1, 0, 0, 0
  self.count, self.failed, self.again = 0, 0, {}
  self.seconds, self.lines = 0, 0
  self.arrival = {}
  return self
end

-- Slices -------------------------------------------------------------------------------------------------------------

-- How many workers there are; those of a broker come and go.
local function workers_of(self) return math.max(1, self.pool._dispatcher.size(self.pool)) end

local function note_cost(self, slice)
  if self.chunksize or slice.count == 0 then return end
  self.seconds, self.lines = self.seconds * KEPT + slice.seconds, self.lines * KEPT + slice.count
  local wanted = self.seconds > 0 and math.floor(SECONDS * self.lines / self.seconds) or SLICE_BYTES
  self.size = math.max(1, math.min(wanted, self.size * GROWTH, SLICE_BYTES))
end

-- So many lines may be in the next slice.
local function lines_of_slice(self)
  local _, most = self.halt:limits(self.count, self.failed)
  return math.max(1, math.min(self.size, most))
end

local function has_room(self)
  local workers = workers_of(self)
  if self.is_halting or self.fatal then return false end
  if self.open >= workers * (self.halt.is_never and OPEN_EACH or 1) then return false end
  return #self.again > 0 or self.open < workers and self.unprinted == self.open
    or self.unprinted < workers * UNPRINTED_EACH and self.under_way < BYTES_MOST
end

-- Reads for a slice what is there without a wait. Whether it is enough: pieces have their full size, so that they are
-- the same whenever they are cut.
local function read_for(self, bytes, lines)
  local source = self.source
  while not source:has(bytes, lines) and source:is_ready() do
    source:read(self.bytes_a_line and math.min(bytes, lines * self.bytes_a_line) or 0)
  end
  return not self.block or source.is_at_end or source:has(bytes, lines)
end

local function append_slice(self, text, count)
  local slice = { text = text, first = self.number, count = count, tries = 0, weight = #text }
  self.unprinted, self.under_way = self.unprinted + 1, self.under_way + slice.weight
  if self.last then self.last.next = slice else self.head = slice end
  self.last = slice
  return slice
end

-- Lines that an earlier run has done are passed over. → text and count of the next ones; nil: there are none, or none
-- yet.
local function take_lines(self)
  local lines, bytes = self.block and ALL or lines_of_slice(self), self.block or SLICE_BYTES
  while read_for(self, bytes, lines) do
    local is_done, span = false, ALL
    if self.done then is_done, span = self.done:span(self.number) end
    local text, count = self.source:take(bytes, self.block and ALL or is_done and span or math.min(lines, span))
    if not text then return nil end
    self.bytes_a_line = #text / count
    if self.block then text, count = text:sub(1, -2), 1 end
    if not is_done then return text, count end
    self.number = self.number + count
  end
end

-- The next slice; nil: there is none, or none yet.
local function next_slice(self)
  if #self.again > 0 then return table.remove(self.again) end
  local text, count = take_lines(self)
  if not text then return nil end
  local slice = append_slice(self, text, count)
  self.number = self.number + count
  return slice
end

-- Outcomes ------------------------------------------------------------------------------------------------------------

local function submit(self, slice)
  self.open = self.open + 1
  local limits = { retries = self.retries, log = self.log ~= nil, failures = self.halt:limits(self.count, self.failed) }
  slice.begun = native.time()
  local future = self.pool:apply_async(self.run, { self.bytes, slice.text, slice.first, limits },
    { timeout = self.timeout })
  slice.future = future
  future:on_done(function() self:arrive(slice) end)
end

-- A slice for lines of another one, behind it in order.
local function append_part(self, slice, text, first, count)
  local part = { text = text, first = first, count = count, tries = 0, weight = 0, next = slice.next }
  slice.next, self.unprinted = part, self.unprinted + 1
  if not part.next then self.last = part end
  return part
end

-- Each line of the slice becomes one by itself, in its place: the slice becomes the first of them.
local function split(self, slice)
  local text, count = slice.text, slice.count
  local from, part, parts = 1, slice, { slice }
  for i = 1, count do
    local stop = i < count and native.cut_lines(text, from, 1, 1) or #text + 1
    local line = text:sub(from, stop - 1)
    if i == 1 then slice.text, slice.count = line, 1 else part = append_part(self, part, line, part.first + 1, 1) end
    parts[i], from = part, stop
  end
  for i = count, 1, -1 do self.again[#self.again + 1] = parts[i] end
end

-- The line of a slice that ended without a result: its worker died, or was too slow.
local function fail(self, slice, err)
  local line = slice.text:gsub("\n$", "")
  local signal = err.exitcode and err.exitcode < 0 and -err.exitcode or 0
  slice.output, slice.failed = "", 1
  slice.messages = program.failure_text(self.plan.items, line, slice.first, err.message)
  if self.log then
    slice.log = program.log_entry(line, slice.first, { begun = slice.begun,
      took = native.time() - slice.begun, exit = signal == 0 and (err.exitcode or -1) or 0, signal = signal })
  end
end

-- Whether the slice is over; if not, it runs again.
local function take_failure(self, slice, err)
  local broken = self.pool._dispatcher.failure(self.pool)
  if broken then self.fatal = tostring(broken.message) end
  if self.fatal or self.is_ending then return false end
  if slice.count > 1 then
    split(self, slice)
    return false
  elseif slice.tries < self.retries then
    slice.tries = slice.tries + 1
    self.again[#self.again + 1] = slice
    return false
  end
  fail(self, slice, err)
  return true
end

local function take_result(self, slice, result, why)
  if not result then
    self.fatal = why
    return false
  end
  if result.count < slice.count then -- it has stopped at a failure
    local stop = native.cut_lines(slice.text, 1, ALL, result.count)
    self.again[#self.again + 1] = append_part(self, slice, slice.text:sub(stop), slice.first + result.count,
      slice.count - result.count)
  end
  for name, value in pairs(result) do slice[name] = value end
  note_cost(self, slice)
  return true
end

-- A slice comes back.
function Session:arrive(slice)
  local future = slice.future
  self.open, self.arrival._is_done, slice.future = self.open - 1, true, nil
  local ok, result, why = pcall(future.get, future)
  local is_over
  if ok then is_over = take_result(self, slice, result, why) else is_over = take_failure(self, slice, result) end
  if not is_over then return end
  slice.is_done = true
  self.under_way = self.under_way + #slice.output
  slice.weight = slice.weight + #slice.output
  slice.text = nil
  self.count, self.failed = self.count + slice.count, self.failed + slice.failed
  if self.halt:is_reached(self.count, self.failed) then self.is_halting = true end
  if self.shown then self.shown:update(self.count, self.failed) end
end

-- Printing ------------------------------------------------------------------------------------------------------------

local function write_output(self, text)
  if text == "" then return end
  local ok, why, code = io.stdout:write(text)
  if ok then ok, why, code = io.stdout:flush() end
  if ok then return end
  self.is_stopped = true
  if code ~= EPIPE then self.fatal = "stdout: " .. tostring(why) end -- else its reader has ended
end

local function fold(self, value)
  if value == nil then return end
  if self.folded == nil then
    self.folded = value
    return
  end
  local ok, result = pcall(program.fold, self.bytes, self.folded, value)
  if ok then self.folded = result else self.fatal = tostring(result) end
end

local function print_slice(self, slice)
  if self.is_stopped then return end
  self.unprinted, self.under_way = self.unprinted - 1, self.under_way - slice.weight
  if slice.output ~= "" then
    write_output(self, slice.output)
  elseif native.is_abandoned(io.stdout) then -- what the code itself prints has no reader either
    self.is_stopped = true
  end
  if self.plan.reduce then fold(self, slice.folded) end
  if slice.messages ~= "" then diagnostics.write(slice.messages) end
  if self.log and not self.is_stopped then self.log:write(slice.log) end
end

-- Prints the slices that are done: in order up to the first that is not, or all of them.
local function print_done(self, are_all)
  local before, slice = nil, self.head
  while slice and not self.is_stopped do
    if slice.is_done then
      print_slice(self, slice)
      if before then before.next = slice.next else self.head = slice.next end
      if not slice.next then self.last = before end
    elseif are_all then
      before = slice
    else
      return
    end
    slice = slice.next
  end
end

-- The run -------------------------------------------------------------------------------------------------------------

-- Gives the workers what they have room for. Whether input is wanted that is not there yet.
local function feed(self)
  while has_room(self) do
    local slice = next_slice(self)
    if not slice then return not self.source:is_over() end
    submit(self, slice)
    if self.arrival._is_done then return false end
  end
  return false
end

-- Waits for the end of a slice or, if input is wanted, for that as well.
local function await(self, is_wanting)
  local dispatcher = self.pool._dispatcher
  if self.arrival._is_done then return end
  if not is_wanting then
    if self.open > 0 then dispatcher.pump_until(self.pool, self.arrival) end
  elseif self.open == 0 then
    self.source:read(self.bytes_a_line or 0)
  elseif not dispatcher.pump_until(self.pool, self.arrival, 0) then -- in serial all results are there
    local descriptor = self.source:descriptor()
    local handle, _, more = dispatcher.waitable(self.pool)
    local things = { handle, descriptor }
    for _, worker in ipairs(more or {}) do things[#things + 1] = worker end
    if descriptor then waits.any(things, nil, true) else self.source:read(0) end
    dispatcher.pump_until(self.pool, self.arrival, 0)
    if descriptor and self.source:is_ready() then self.source:read(0) end
  end
end

local function is_over(self)
  if self.fatal or self.is_stopped then return true end
  if self.is_halting then return self.halt.is_now or self.open == 0 end
  return self.open == 0 and #self.again == 0 and self.source:is_over()
end

local function go(self)
  while not is_over(self) do
    self.arrival = {}
    local is_wanting = feed(self)
    print_done(self, self.is_unordered)
    if not is_over(self) then await(self, is_wanting) end
    print_done(self, self.is_unordered)
  end
  print_done(self, true)
end

local function finish(self)
  local is_whole = not (self.fatal or self.is_stopped)
  if is_whole and not self.is_halting then
    self.pool:close()
    self.pool:join()
  else
    self.is_ending = true
    self.pool:terminate()
  end
  if is_whole and self.folded ~= nil then write_output(self, program.fold_text(self.bytes, self.folded)) end
end

-- → how many lines failed; or nil and why the run could not go on.
function Session:go()
  if self.has_bar then self.shown = bars.open({ total = self.total, name = "map" }) end
  local ok, why = pcall(go, self)
  if not ok then
    if waits.is_ending() then error(why, 0) end
    self.fatal = tostring(why)
  end
  finish(self)
  if self.shown then self.shown:close((self.fatal or self.is_halting) and "stopped" or "done") end
  if self.fatal then return nil, self.fatal end
  if self.is_halting then diagnostics.write("manymoons map: halted by --halt\n") end
  return self.failed
end

return session
