-- SPDX-License-Identifier: MIT
-- Calls over lists: how a list is cut into tasks, and how their results come together again.
--
-- A list with a waiter is fed: a few slices are under way, each as large as the cost of the items
-- so far makes worth while, and never more than a share of the rest; a worker that finds its slice
-- expensive gives the rest back. A list without a waiter is sent at once. An iterator is read no
-- further ahead than a window.
--
-- An item that cannot be sent fails alone, however the items are cut into tasks. What an iterator raises comes where
-- its item would have come.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local future = require("pool.future")
local open_pools = require("pool.open_pools")
local protocol = require("pool.protocol")
local retrying = require("pool.lists.retrying")

local new_error, of_kind, pack = errors.new_error, errors.of_kind, checks.pack
local MAP = protocol.MAP
-- Nanoseconds that a slice should take, and the least that is worth a message; how many slices are
-- under way for each worker: of the sizes chosen here, and of one that was given.
local SLICE_NS, SLICE_LEAST_NS = protocol.FLUSH_NS, 5e4
local AHEAD, AHEAD_OF_GIVEN = 2, 512
-- With a chunksize of 1, very short calls still share a task: at most so many nanoseconds of them, so
-- many calls, and so many calls under way. Callers see no difference: no result is lost, and the
-- parent takes back the rest of a task whose worker stays at one call.
local EACH_NS, EACH_MOST, AHEAD_OF_EACH = 2e4, 32, 32
-- Of a list that is sent at once each slice is a share of the rest: one in so many, for each
-- worker.
local SLICES_PER_WORKER = 16
local WINDOW_PER_WORKER = 4

local move = table.move or function(from, first, last, at, to)
  for i = first, last do to[at + i - first] = from[i] end
end

local lists = {}

-- The error of an item that cannot be sent, which names the item as the script counts.
local function unsendable(why, index)
  local text = tostring(why):gsub("%(at item 1", function() return "(at item " .. string.format("%d", index) end, 1)
  return of_kind("unsendable", text)
end

-- Calls self:put(first, count, chunk). Where the items cannot be sent it sends each half, until those that cannot be
-- fail alone.
local function put_all(self, first, count, chunk)
  local sent, why = pcall(self.put, self, first, count, chunk)
  if sent then return end
  if waits.is_ending() or self.dispatcher.has_ended(self.pool) then error(why, 0) end
  if count == 1 then
    return self:fail_unsent(first, unsendable(why, chunk and chunk.base + first or first), chunk)
  end
  local half = math.floor(count / 2)
  put_all(self, first, half, chunk)
  put_all(self, first + half, count - half, chunk)
end

-- Results of a list -----------------------------------------------------------------------------------

-- batch: pool, dispatcher, results and errors by index, first_error, total, done, tasks (open ones
-- by id), ranges (what is not put yet) with `left` items; progress, journal, on_end
local batch = {}
batch.__index = batch

local function note_done(self, count)
  self.done = self.done + count
  if self.progress then self.progress:update(self.done, self.failed, self.cancelled) end
end

-- Counts an item that has no result.
local function count_error(self, err)
  if err.kind == "cancelled" then
    self.cancelled = self.cancelled + 1
  else
    self.failed = self.failed + 1
  end
end

-- "item 3 of map"
local function name_call(self, index, err)
  return errors.note_call(err, ("%s %d of %s"):format(self.part or "item", index, self.name))
end

-- What was cancelled because the time of the whole list is over.
local function late_error(self)
  return of_kind("timeout", string.format("the calls of the whole list took longer than %g s", self.total_timeout))
end

local function note_error(self, index, err)
  if self.is_late and err.kind == "cancelled" then err = late_error(self) end
  name_call(self, index, err)
  self.errors = self.errors or {}
  self.errors[index] = err
  count_error(self, err)
  if not self.first_error or index < self.first_error then self.first_error = index end
  note_done(self, 1)
end

local function note_cost(self, count, ns)
  if ns == 0 then return end
  local cost = ns / count
  self.cost = self.cost and (self.cost + cost) / 2 or cost
end

-- Writes the results in the journal; those that cannot be written are failures, too.
local function write_in_journal(self, task, first, count, results, failures)
  local refused = self.journal:add(task.base + first, count, results, function(i)
    return not (failures and failures[i]) and not (task.settled and task.settled[first + i - 1])
  end)
  if not failures then return refused end
  for i, err in pairs(refused or {}) do failures[i] = err end
  return failures
end

-- A result for each of the items that had not failed before.
local function take_one_by_one(self, task, first, count, results, failures)
  if self.journal then failures = write_in_journal(self, task, first, count, results, failures) end
  for i = 1, count do
    local index = first + i - 1
    if not (task.settled and task.settled[index]) then
      if failures and failures[i] then
        note_error(self, task.base + index, new_error(failures[i], self.pool._config.name))
      else
        self.results[task.base + index] = results[i]
        note_done(self, 1)
      end
    end
  end
end

function batch:take(task, first, count, ns, results, failures)
  note_cost(self, count, ns)
  if failures or task.settled or self.journal then
    return take_one_by_one(self, task, first, count, results, failures)
  end
  local at = task.base + first
  if at == 1 and count == self.total then
    self.results = results
  else
    move(results, 1, count, at, self.results)
  end
  note_done(self, count)
end

function batch:fail(task, index, err) note_error(self, task.base + index, err) end
function batch:fail_unsent(index, err) note_error(self, index, err) end

function batch:finished(task)
  self.tasks[task.id] = nil
  self.open = self.open - 1
  if self.left > 0 then self:feed() end
  if self.open == 0 and not self._is_done then
    self._is_done = true
    self:close()
    if self.on_end then self.on_end(self) end
  end
end

local function new_progress(pool, opts, total)
  if not opts or not opts.progress then return nil end
  return require("pool.lists.progress").new(pool, opts.progress, total)
end

-- The chunksize of a list whose caller gives none: that of the environment, which `manymoons compare --chunks` sets;
-- nil: it adapts.
local function usual_chunksize()
  local text = native.environment("MANYMOONS_CHUNKSIZE")
  if not text or text == "" or text == "auto" then return nil end
  local size = tonumber(text)
  if size and size >= 1 and size % 1 == 0 and size < math.huge then return size end
  error("MANYMOONS_CHUNKSIZE: a whole number, 1 or more, or auto expected, got '" .. text .. "'", 0)
end

local function chunksize_of(opts) return opts and opts.chunksize or usual_chunksize() end

-- The list has ended, or its caller waits no more.
function batch:close()
  if self.progress then self.progress:finish() end
  if self.journal then self.journal:close() end
end

-- What the journal has is done; the rest is to be put.
local function take_from_journal(self, f, path)
  self.journal = require("pool.lists.journal")("Pool:" .. self.name, path, f, self.list, self.total)
  self.results = self.journal.results
  local ranges, last = {}, self.total
  for place = self.total, 0, -1 do
    if place == 0 or self.journal.known[place] then
      if place < last then ranges[#ranges + 1] = { first = place + 1, last = last } end
      last = place - 1
    end
  end
  self.ranges = ranges
  self.left = self.total - self.journal.count
  if self.journal.count > 0 then note_done(self, self.journal.count) end
end

local function begin(self, f, opts)
  if opts and opts.resume then take_from_journal(self, f, opts.resume) end
  self.progress = new_progress(self.pool, opts, self.total)
  if self.done > 0 then note_done(self, 0) end
end

-- total: the length of the list; name: of the pool's method
local function new_batch(pool, mode, f, list, opts, total, name)
  local entry = pool._dispatcher.add_function(pool, retrying(f, opts)) -- before there is a bar: it may raise
  local self = setmetatable({
    pool = pool, dispatcher = pool._dispatcher, mode = mode, name = name, list = list, total = total, done = 0,
    failed = 0, cancelled = 0, results = {}, tasks = {}, open = 0, left = total,
    ranges = total > 0 and { { first = 1, last = total } } or {}, chunksize = chunksize_of(opts),
    timeout = checks.time_limit(opts, pool._config.timeout), retries = opts and opts.retries or pool._config.retries,
    entry = entry, returns_errors = opts and opts.errors == "return", priority = opts and opts.priority,
    total_timeout = checks.read_time_limit(opts and opts.total_timeout),
  }, batch)
  self.ends = self.total_timeout and native.time() + self.total_timeout
  self.is_cancellable = self.ends ~= nil
  local ok, why = pcall(begin, self, f, opts)
  if ok then return self end
  pool._dispatcher.drop_function(pool, entry)
  error(why, 0)
end

-- The error to raise: the first one, from which the others and the results can be had.
local function error_of(self)
  if not self.first_error then return nil end
  local err = self.errors[self.first_error]
  err.errors, err.results = self.errors, self.results
  return err
end

-- errors = "return": the error of an item that failed stands in its place.
local function with_errors(self)
  for index, err in pairs(self.errors or {}) do self.results[index] = err end
  return self.results
end

local function limit(self, size, left)
  local most = self.pool._config.max_tasks
  if most and size > most then size = most end
  return math.max(1, math.min(size, left))
end

function batch:put(first, count)
  local is_cancellable = self.is_cancellable
  self.entry.users = self.entry.users + 1
  local task = self.dispatcher.put(self.pool, {
    mode = self.mode, entry = self.entry, sink = self, list = self.list, first = first, count = count, base = first - 1,
    timeout = self.timeout, retries = self.retries, returns = self.returns, is_each = self.is_each and count > 1,
    is_answered_at_once = self.journal ~= nil, priority = self.priority,
  }, is_cancellable or open_pools.are_interruptible, is_cancellable)
  self.open = self.open + 1
  self.tasks[task.id] = task
end

-- Lists that are waited for ---------------------------------------------------------------------------

local function size_of_slice(self, left)
  if self.pool._config.row.is_immediate then return (self.journal or self.ends) and 1 or left end
  if self.chunksize and not self.is_each then return self.chunksize end
  if self.timeout or not self.cost then return 1 end
  local share = math.ceil(left / (AHEAD * self.dispatcher.size(self.pool)))
  if self.is_each then return math.max(1, math.min(share, EACH_MOST, math.floor(EACH_NS / self.cost))) end
  local least = math.min(share, math.floor(SLICE_LEAST_NS / self.cost))
  return math.max(least, math.min(share, math.floor(SLICE_NS / self.cost)), least)
end

-- Takes up to so many items that are not put yet: the first one, and how many they are.
local function take_slice(self, size)
  local range = self.ranges[#self.ranges]
  local first = range.first
  size = limit(self, size, range.last - first + 1)
  range.first = first + size
  self.left = self.left - size
  if range.first > range.last then table.remove(self.ranges) end
  return first, size
end

-- How many slices are under way at most. A journal gets a result before the caller of a pool without workers runs the
-- next item.
local function most_open(self)
  if self.journal and self.pool._config.row.is_immediate then return 1 end
  local each = self.is_each and AHEAD_OF_EACH or self.chunksize and AHEAD_OF_GIVEN or AHEAD
  return self.dispatcher.size(self.pool) * each
end

local function is_late(self) return self.ends ~= nil and native.time() >= self.ends end

-- Slices of a given size are submitted in bursts, so that workers stay busy and the parent wakes
-- seldom.
local function feed_some(self)
  local most = most_open(self)
  if self.chunksize and self.open > most / 2 then return end
  while self.open < most and #self.ranges > 0 and not is_late(self) do
    put_all(self, take_slice(self, size_of_slice(self, self.left)))
  end
end

-- The pool has ended: items that were not put fail.
local function fail_rest(self, err)
  for _, range in ipairs(self.ranges) do
    for index = range.first, range.last do note_error(self, index, err) end
  end
  self.ranges, self.left = {}, 0
end

-- Nobody waits for it any more.
function batch:abandon()
  fail_rest(self, of_kind("cancelled", "the call was cancelled"))
  self:close()
end

function batch:feed()
  if self.dispatcher.has_ended(self.pool) then
    fail_rest(self, self.dispatcher.failure(self.pool)
      or of_kind("cancelled", "the pool was terminated"))
  elseif not self.is_feeding then
    self.is_feeding = true
    local sent, why = pcall(feed_some, self)
    self.is_feeding = false
    if not sent then
      fail_rest(self, of_kind("unsendable", tostring(why)))
      self.refusal = self.refusal or why
    end
  end
end

function batch:give_back(task, last)
  if last >= task.count then return end
  table.insert(self.ranges, { first = task.base + last + 1, last = task.base + task.count })
  self.left = self.left + task.count - last
end

-- The time of the list is over: what is not done fails.
local function give_up(self)
  self.is_late = true
  fail_rest(self, of_kind("cancelled", "the call was cancelled"))
  self.dispatcher.cancel(self.pool, self)
  if self.open > 0 then self.dispatcher.pump_until(self.pool, self) end
end

local function wait_for_all(self)
  local left = self.ends and math.max(0, self.ends - native.time())
  if self.open > 0 then self.dispatcher.pump_until(self.pool, self, left) end
  if self.ends and (self.open > 0 or self.left > 0) and not self.dispatcher.has_ended(self.pool) then give_up(self) end
end

local function run_and_wait(self)
  self.is_each = self.chunksize == 1 and self.pool._config.row.has_own_vm and not self.timeout and not self.journal
    and not self.ends
  self.takes_back, self.returns = not self.chunksize or self.is_each, not self.chunksize
  if self.left > 0 then
    self:feed()
    wait_for_all(self)
  end
  self.dispatcher.drop_function(self.pool, self.entry)
  if self.refusal then error(self.refusal, 0) end
  local failure = self.dispatcher.failure(self.pool)
  if failure then errors.raise(failure) end
  if self.returns_errors then return with_errors(self) end
  local err = error_of(self)
  if err then errors.raise(err) end
  return self.results
end

-- part: what an item is called in an error, unless it is the script's
function lists.map(pool, mode, f, list, opts, count, name, part)
  local self = new_batch(pool, mode, f, list, opts, count, name)
  self.part = part
  local ok, result = pcall(run_and_wait, self)
  self:close()
  if not ok then error(result, 0) end
  return result
end

-- Lists that are waited for later ---------------------------------------------------------------------

local function send_all(self)
  local size_of = function(left)
    if self.chunksize then return self.chunksize end
    return self.timeout and 1 or math.floor(left / (self.dispatcher.size(self.pool) * SLICES_PER_WORKER))
  end
  local writes_each = self.journal and self.pool._config.row.is_immediate
  while self.left > 0 do
    put_all(self, take_slice(self, writes_each and 1 or size_of(self.left)))
    if writes_each then self.dispatcher.pump_until(self.pool, self, 0) end
  end
end

function lists.map_async(pool, mode, f, list, opts, count, name)
  local self = new_batch(pool, mode, f, list, opts, count, name)
  local result = future.new(pool, opts)
  result._work, self.is_cancellable, self.is_feeding = self, true, true
  self.open = 1 -- until everything is sent
  function self.on_end()
    local err = not self.returns_errors and error_of(self)
    result:_settle(not err, pack(err or with_errors(self)))
  end
  local sent, why = pcall(send_all, self)
  pool._dispatcher.drop_function(pool, self.entry)
  if not sent then
    pool._dispatcher.cancel(pool, self)
    self:close()
    error(why, 0)
  end
  self:finished({ id = 0 })
  return result
end

-- Lists and iterators that are read as results are asked for ------------------------------------------

-- imap_results: a sink whose results wait in `ready`, by index, or in the order of their coming
local imap_results = {}
imap_results.__index = imap_results

local function arrive(self, index, ok, value)
  if not ok then name_call(self, index, value) end
  local outcome = { ok = ok, value = value }
  if self.is_ordered then
    self.ready[index] = outcome
  else
    self.ready[self.arrived + 1] = outcome
  end
  self.arrived = self.arrived + 1
  if not ok then count_error(self, value) end
  if self.progress then self.progress:update(self.arrived, self.failed, self.cancelled) end
end

function imap_results:take(task, first, count, _, results, failures)
  if self.journal then failures = write_in_journal(self, task, first, count, results, failures) end
  for i = 1, count do
    local index = first + i - 1
    if not (task.settled and task.settled[index]) then
      local failure = failures and failures[i]
      if failure then
        arrive(self, task.base + index, false, new_error(failure, self.pool._config.name))
      else
        arrive(self, task.base + index, true, results[i])
      end
    end
  end
end

function imap_results:abandon() self.is_exhausted = true end
function imap_results:fail(task, index, err) arrive(self, task.base + index, false, err) end
function imap_results:finished(task) self.tasks[task.id] = nil end
function imap_results:fail_unsent(index, err, chunk) arrive(self, chunk.base + index, false, err) end

-- An error of the source ends the items; next_result raises it behind the last one's result.
local function read_item(self)
  local read, item, is_item = pcall(self.items.next)
  if read then return item, is_item end
  if waits.is_ending() then error(item, 0) end
  self.source_error = { value = item }
  return nil, false
end

local function read_chunk(self)
  local chunk, count = {}, 0
  while count < self.chunksize do
    if count > 0 and not self.items.is_there() then break end
    local item, is_item = read_item(self)
    if not is_item then
      self.is_exhausted = true
      break
    end
    count = count + 1
    chunk[count] = item
  end
  return chunk, count
end

function imap_results:put(first, count, chunk)
  self.entry.users = self.entry.users + 1
  local task = self.dispatcher.put(self.pool, {
    mode = self.mode, entry = self.entry, sink = self, list = chunk, first = first, count = count,
    base = chunk.base + first - 1, timeout = self.timeout, retries = self.retries,
    is_answered_at_once = self.journal ~= nil, priority = self.priority,
  }, true, self.retries > 0)
  if self.dispatcher.is_open(self.pool, task) then self.tasks[task.id] = task end
end

-- Those that the journal has come at once.
local function put_unknown(self, count, chunk)
  local known, first = self.journal.known, 1
  for i = 1, count + 1 do
    local place = chunk.base + i
    if i > count or known[place] then
      if first < i then put_all(self, first, i - first, chunk) end
      first = i + 1
    end
    if i <= count and known[place] then arrive(self, place, true, self.journal.results[place]) end
  end
end

local function send_chunk(self)
  local chunk, count = read_chunk(self)
  if count == 0 then return end
  chunk.base = self.last_read
  self.last_read = chunk.base + count
  if self.journal then put_unknown(self, count, chunk) else put_all(self, 1, count, chunk) end
end

local function has_room(self) return self.last_read - self.last_given + self.chunksize <= self.window end

-- Reads and sends items up to the end of the window; of an iterator that may wait for its next item, those that are
-- there.
local function fill(self)
  while not self.is_exhausted and has_room(self) and not self.dispatcher.is_closed(self.pool)
    and self.items.is_there() do
    send_chunk(self)
  end
end

local weak = { __mode = "k" }
local imaps = setmetatable({}, weak) -- pool → its imaps that are not over

local function remember(self)
  imaps[self.pool] = imaps[self.pool] or setmetatable({}, weak)
  imaps[self.pool][self] = true
end

-- The pool closes: it takes no items later than now, and those of a list are all here.
local function fill_before_close(self)
  if not self.total then return end
  self.window = math.huge
  fill(self)
end

function lists.before_close(pool)
  for self in pairs(imaps[pool] or {}) do fill_before_close(self) end
end

local function finish_imap(self)
  if self.is_over then return end
  self.is_over = true
  imaps[self.pool][self] = nil
  if self.journal then self.journal:close() end
  if self.progress then self.progress:finish(self.is_exhausted and self.last_given == self.arrived) end
  if self.pool._config.pid == native.pid() and not self.dispatcher.has_ended(self.pool) then
    self.dispatcher.cancel(self.pool, self)
    self.dispatcher.drop_function(self.pool, self.entry)
  end
end

local function fail_ended(self)
  finish_imap(self)
  local failure = self.dispatcher.failure(self.pool)
  if failure then errors.raise(failure) end
  checks.fail("Pool:imap: the pool was terminated")
end

-- Waits for the result at `at`, or for another item.
local function await_either(self, arrival, seconds)
  local handle, _, more = self.dispatcher.waitable(self.pool)
  waits.any({ self.items.handle, handle, checks.unpack(more or {}) }, seconds, true)
  if not self.dispatcher.pump_until(self.pool, arrival, 0) and self.dispatcher.has_ended(self.pool) then
    fail_ended(self)
  end
end

-- Whether the result came in time.
local function await(self, at, timeout)
  local due = timeout and native.time() + timeout
  local arrival = setmetatable({}, { __index = function() return self.ready[at] ~= nil end })
  local is_last = false
  while not self.ready[at] do
    if is_last then return false end
    local left = due and math.max(0, due - native.time())
    if self.items.handle and not self.pool._config.row.is_immediate and not self.is_exhausted and has_room(self) then
      await_either(self, arrival, left)
      fill(self)
    elseif not self.dispatcher.pump_until(self.pool, arrival, left) and self.dispatcher.has_ended(self.pool) then
      fail_ended(self)
    end
    is_last = left == 0
  end
  return true
end

-- Whether there is another item, and its place.
local function find_next(self)
  local at = self.last_given + 1
  fill(self)
  while at > self.last_read and not self.is_exhausted and not self.dispatcher.is_closed(self.pool) do
    send_chunk(self) -- waits for the item
  end
  return at <= self.last_read, at
end

-- Raises an item's error; the items after it can be had by asking again. A result of nil comes as
-- false, for nil ends the loop. nil and "timeout": the result did not come in time; it can be asked for again.
local function next_result(self, timeout)
  timeout = checks.timeout(timeout, "Pool:imap")
  if self.is_over then return nil end
  open_pools.check_home(self.pool, "Pool:imap")
  local is_there, at = find_next(self)
  if not is_there then
    finish_imap(self)
    if self.source_error then error(self.source_error.value, 0) end
    if not self.is_exhausted then checks.fail("Pool:imap: the pool was closed before the end of the items") end
    return nil
  end
  if not self.ready[at] and not await(self, at, timeout) then return nil, "timeout" end
  local outcome = self.ready[at]
  self.ready[at] = nil
  self.last_given = at
  fill(self)
  if not outcome.ok and not self.returns_errors then errors.raise(outcome.value) end
  if outcome.value == nil then return false end
  return outcome.value
end

local function open_journal_of_imap(self, f, path)
  local list, where = self.items.list, "Pool:" .. self.name
  if not list then checks.fail(where .. ": resume: not for an iterator, whose items a later run does not know") end
  self.journal = require("pool.lists.journal")(where, path, f, list, self.total)
end

-- items: see arguments.items
function lists.imap(pool, f, items, opts, is_ordered, name, part)
  local chunksize = chunksize_of(opts) or 1
  local dispatcher = pool._dispatcher
  local least = pool._config.row.is_immediate and 1 or dispatcher.size(pool) * math.max(WINDOW_PER_WORKER, chunksize)
  local entry = dispatcher.add_function(pool, retrying(f, opts))
  local self = setmetatable({
    pool = pool, dispatcher = dispatcher, mode = MAP, items = items, total = items.total, chunksize = chunksize,
    is_ordered = is_ordered, name = name, part = part,
    window = math.max(opts and opts.window or least, chunksize),
    timeout = checks.time_limit(opts, pool._config.timeout), retries = opts and opts.retries or pool._config.retries,
    progress = new_progress(pool, opts, items.total), entry = entry, tasks = {}, ready = {}, arrived = 0, failed = 0,
    cancelled = 0, last_read = 0, last_given = 0, returns_errors = opts and opts.errors == "return",
    priority = opts and opts.priority,
  }, imap_results)
  if opts and opts.resume then open_journal_of_imap(self, f, opts.resume) end
  remember(self)
  fill(self)
  local closer = setmetatable({}, { __close = function() finish_imap(self) end })
  return function(timeout) return next_result(self, timeout) end, nil, nil, closer
end

return lists
