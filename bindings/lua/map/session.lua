-- SPDX-License-Identifier: MIT
-- A run of `manymoons map`: it cuts the input into batches, gives them to a pool, and prints what they return.
--
--   batch   text, first (the number of its first line), count, tries; then is_done, and what map/program.lua returned
--
-- The batches under way, from the first that is not printed on, are a list by their field `next`. A batch has as many
-- lines as take SECONDS, as far as is known: at first one line. So cheap lines cost no more than a loop over them, and
-- dear ones are spread over the workers.
--
-- I1  Bytes under way, texts and results that wait for their turn, are at most BYTES_MOST, but for a batch each worker.
-- I2  A batch whose worker died runs again, each line by itself: a line runs at most twice by that.
-- I3  Nothing is read that no batch is to have now.
local require, native = ...

local bars = require("terminal.bars")
local diagnostics = require("core.diagnostics")
local waits = require("core.waits")
local program = require("map.program")

local SECONDS = 0.01
local GROWTH = 8 -- of a batch, beside the one before
local KEPT = 0.5 -- so much does what is known count beside the next batch
local BATCH_BYTES = 131072
local BYTES_MOST = 4194304
local OPEN_EACH, UNPRINTED_EACH = 2, 16 -- batches for each worker
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

-- Batches -------------------------------------------------------------------------------------------------------------

-- How many workers there are; those of a broker come and go.
local function workers_of(self) return math.max(1, self.pool._dispatcher.size(self.pool)) end

local function note_cost(self, batch)
  if self.chunksize or batch.count == 0 then return end
  self.seconds, self.lines = self.seconds * KEPT + batch.seconds, self.lines * KEPT + batch.count
  local wanted = self.seconds > 0 and math.floor(SECONDS * self.lines / self.seconds) or BATCH_BYTES
  self.size = math.max(1, math.min(wanted, self.size * GROWTH, BATCH_BYTES))
end

-- So many lines may be in the next batch.
local function lines_of_batch(self)
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

-- Reads for a batch what is there without a wait. Whether it is enough: pieces have their full size, so that they are
-- the same whenever they are cut.
local function read_for(self, bytes, lines)
  local source = self.source
  while not source:has(bytes, lines) and source:is_ready() do
    source:read(self.bytes_a_line and math.min(bytes, lines * self.bytes_a_line) or 0)
  end
  return not self.block or source.is_at_end or source:has(bytes, lines)
end

local function append_batch(self, text, count)
  local batch = { text = text, first = self.number, count = count, tries = 0, weight = #text }
  self.unprinted, self.under_way = self.unprinted + 1, self.under_way + batch.weight
  if self.last then self.last.next = batch else self.head = batch end
  self.last = batch
  return batch
end

-- Lines that an earlier run has done are passed over. → text and count of the next ones; nil: there are none, or none
-- yet.
local function take_lines(self)
  local lines, bytes = self.block and ALL or lines_of_batch(self), self.block or BATCH_BYTES
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

-- The next batch; nil: there is none, or none yet.
local function next_batch(self)
  if #self.again > 0 then return table.remove(self.again) end
  local text, count = take_lines(self)
  if not text then return nil end
  local batch = append_batch(self, text, count)
  self.number = self.number + count
  return batch
end

-- Outcomes ------------------------------------------------------------------------------------------------------------

local function submit(self, batch)
  self.open = self.open + 1
  local limits = { retries = self.retries, log = self.log ~= nil, failures = self.halt:limits(self.count, self.failed) }
  batch.begun = native.time()
  local future = self.pool:apply_async(self.run, { self.bytes, batch.text, batch.first, limits },
    { timeout = self.timeout })
  batch.future = future
  future:on_done(function() self:arrive(batch) end)
end

-- A batch for lines of another one, behind it in order.
local function append_part(self, batch, text, first, count)
  local part = { text = text, first = first, count = count, tries = 0, weight = 0, next = batch.next }
  batch.next, self.unprinted = part, self.unprinted + 1
  if not part.next then self.last = part end
  return part
end

-- Each line of the batch becomes one by itself, in its place: the batch becomes the first of them.
local function split(self, batch)
  local text, count = batch.text, batch.count
  local from, part, parts = 1, batch, { batch }
  for i = 1, count do
    local stop = i < count and native.cut_lines(text, from, 1, 1) or #text + 1
    local line = text:sub(from, stop - 1)
    if i == 1 then batch.text, batch.count = line, 1 else part = append_part(self, part, line, part.first + 1, 1) end
    parts[i], from = part, stop
  end
  for i = count, 1, -1 do self.again[#self.again + 1] = parts[i] end
end

-- The line of a batch that ended without a result: its worker died, or was too slow.
local function fail(self, batch, err)
  local line = batch.text:gsub("\n$", "")
  local signal = err.exitcode and err.exitcode < 0 and -err.exitcode or 0
  batch.output, batch.failed = "", 1
  batch.messages = program.failure_text(self.plan.items, line, batch.first, err.message)
  if self.log then
    batch.log = program.log_entry(line, batch.first, { begun = batch.begun,
      took = native.time() - batch.begun, exit = signal == 0 and (err.exitcode or -1) or 0, signal = signal })
  end
end

-- Whether the batch is over; if not, it runs again.
local function take_failure(self, batch, err)
  local broken = self.pool._dispatcher.failure(self.pool)
  if broken then self.fatal = tostring(broken.message) end
  if self.fatal or self.is_ending then return false end
  if batch.count > 1 then
    split(self, batch)
    return false
  elseif batch.tries < self.retries then
    batch.tries = batch.tries + 1
    self.again[#self.again + 1] = batch
    return false
  end
  fail(self, batch, err)
  return true
end

local function take_result(self, batch, result, why)
  if not result then
    self.fatal = why
    return false
  end
  if result.count < batch.count then -- it has stopped at a failure
    local stop = native.cut_lines(batch.text, 1, ALL, result.count)
    self.again[#self.again + 1] = append_part(self, batch, batch.text:sub(stop), batch.first + result.count,
      batch.count - result.count)
  end
  for name, value in pairs(result) do batch[name] = value end
  note_cost(self, batch)
  return true
end

-- A batch comes back.
function Session:arrive(batch)
  local future = batch.future
  self.open, self.arrival._is_done, batch.future = self.open - 1, true, nil
  local ok, result, why = pcall(future.get, future)
  local is_over
  if ok then is_over = take_result(self, batch, result, why) else is_over = take_failure(self, batch, result) end
  if not is_over then return end
  batch.is_done = true
  self.under_way = self.under_way + #batch.output
  batch.weight = batch.weight + #batch.output
  batch.text = nil
  self.count, self.failed = self.count + batch.count, self.failed + batch.failed
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

local function print_batch(self, batch)
  if self.is_stopped then return end
  self.unprinted, self.under_way = self.unprinted - 1, self.under_way - batch.weight
  if batch.output ~= "" then write_output(self, batch.output) end
  if self.plan.reduce then fold(self, batch.folded) end
  if batch.messages ~= "" then diagnostics.write(batch.messages) end
  if self.log and not self.is_stopped then self.log:write(batch.log) end
end

-- Prints the batches that are done: in order up to the first that is not, or all of them.
local function print_done(self, are_all)
  local before, batch = nil, self.head
  while batch and not self.is_stopped do
    if batch.is_done then
      print_batch(self, batch)
      if before then before.next = batch.next else self.head = batch.next end
      if not batch.next then self.last = before end
    elseif are_all then
      before = batch
    else
      return
    end
    batch = batch.next
  end
end

-- The run -------------------------------------------------------------------------------------------------------------

-- Gives the workers what they have room for. Whether input is wanted that is not there yet.
local function feed(self)
  while has_room(self) do
    local batch = next_batch(self)
    if not batch then return not self.source:is_over() end
    submit(self, batch)
    if self.arrival._is_done then return false end
  end
  return false
end

-- Waits for the end of a batch or, if input is wanted, for that as well.
local function await(self, is_wanting)
  local dispatcher = self.pool._dispatcher
  if self.arrival._is_done then return end
  if not is_wanting then
    if self.open > 0 then dispatcher.pump_until(self.pool, self.arrival) end
  elseif self.open == 0 then
    self.source:read(self.bytes_a_line or 0)
  else
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
