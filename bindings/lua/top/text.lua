-- SPDX-License-Identifier: MIT
-- The tables of `manymoons top`, as lines of text of at most so many columns. Each column has a rank: where there is no
-- room the column with the highest one goes first.
local require, native = ...

local width = require("terminal.columns")

local width_of, cut = width.of, width.cut
local text = {}

local RINGS_SHOWN, LOCKS_SHOWN = 12, 12

-- Words ---------------------------------------------------------------------------------------------------------

local function bytes_in_words(bytes)
  for _, unit in ipairs({ "B", "KiB", "MiB", "GiB" }) do
    if bytes < 1024 or unit == "GiB" then
      return string.format(bytes < 10 and unit ~= "B" and "%.1f %s" or "%.0f %s", bytes, unit)
    end
    bytes = bytes / 1024
  end
end

local function seconds_in_words(seconds)
  if seconds < 0.001 then return string.format("%.0f us", seconds * 1e6) end
  if seconds < 1 then return string.format("%.0f ms", seconds * 1e3) end
  if seconds < 100 then return string.format("%.1f s", seconds) end
  return string.format("%.0f:%02d min", math.floor(seconds / 60), math.floor(seconds % 60))
end

local function per_second(rate)
  if not rate then return "" end
  if rate >= 9999.5 then return string.format("%.0f k/s", rate / 1e3) end
  return string.format(rate < 9.95 and "%.1f/s" or "%.0f/s", rate)
end

local function bytes_per_second(rate) return rate and bytes_in_words(rate) .. "/s" or "" end
local function percent(share) return share and string.format("%.0f %%", share * 100) or "" end
local function whole(number) return string.format("%.0f", number) end

function text.command(bytes) return native.printable((bytes:gsub("%z+$", ""):gsub("%z", " "))) end

-- Lines ---------------------------------------------------------------------------------------------------------

local function pad(line, columns, align)
  if width_of(line) > columns then return cut(line, columns) end
  local blanks = (" "):rep(columns - width_of(line))
  return align == "r" and blanks .. line or line .. blanks
end

-- The widths of the columns; how many columns they take in all, and how many they need: one with a least width may be
-- cut to it.
local function widths_of(heads, rows)
  local widths, sum, needed = {}, -2, -2
  for i, head in ipairs(heads) do
    widths[i] = width_of(head.title)
    for _, row in ipairs(rows) do widths[i] = math.max(widths[i], width_of(row[head.key])) end
    sum, needed = sum + widths[i] + 2, needed + math.min(widths[i], head.least or widths[i]) + 2
  end
  return widths, sum, needed
end

-- Cuts columns, the last one first, until they take no more than they may.
local function narrow(heads, widths, sum, columns)
  for i = #heads, 1, -1 do
    local least = heads[i].least
    if least and widths[i] > least and sum > columns then
      local by = math.min(widths[i] - least, sum - columns)
      widths[i], sum = widths[i] - by, sum - by
    end
  end
  return widths
end

-- The columns that fit, and their widths: those without any text are not among them.
local function fit(heads, rows, columns)
  local list = {}
  for _, head in ipairs(heads) do
    local is_used = head.rank == 0
    for _, row in ipairs(rows) do is_used = is_used or row[head.key] ~= "" end
    if is_used then list[#list + 1] = head end
  end
  while true do
    local widths, sum, needed = widths_of(list, rows)
    local worst = 1
    for i, head in ipairs(list) do
      if head.rank > list[worst].rank then worst = i end
    end
    if needed <= columns or list[worst].rank == 0 then return list, narrow(list, widths, sum, columns) end
    table.remove(list, worst)
  end
end

-- heads: { key, title, align, rank }. paint(row) → a function for its line, or nil.
local function add_table(lines, heads, rows, columns, style, paint)
  local list, widths = fit(heads, rows, columns)
  local function line_of(get)
    local cells = {}
    for i, head in ipairs(list) do cells[i] = pad(get(head), widths[i], head.align) end
    return cut((table.concat(cells, "  "):gsub("%s+$", "")), columns)
  end
  lines[#lines + 1] = style.strong(line_of(function(head) return head.title end))
  for _, row in ipairs(rows) do
    local line = line_of(function(head) return row[head.key] end)
    local painted = paint and paint(row)
    lines[#lines + 1] = painted and painted(line) or line
  end
end

-- Workers -------------------------------------------------------------------------------------------------------

local STATES = {
  ran = "runs",
  ready = "ready, without a processor",
  lock = "waits for the VM's lock",
  call = "waits in a call",
  slept = "sleeps",
}

local function task_of(worker)
  local what = string.format("task %.0f", worker.task)
  if worker.item > 1 then what = string.format("call %.0f of task %.0f", worker.item, worker.task) end
  return worker.seconds > 0 and what .. ", for " .. seconds_in_words(worker.seconds) or what
end

local function activity(worker)
  local lock = worker.lock
  if lock then
    return native.printable(lock.text) .. (lock.holder and " held by " .. native.printable(lock.holder) or "")
  end
  if worker.phase ~= "running" then return worker.phase end
  if worker.task ~= 0 then return task_of(worker) end
  if worker.awake > 0 then return "waits for a task" end
  return STATES[worker.state] or "runs"
end

local function place_of(worker)
  local call = worker.call
  if not call then return worker.lock and native.printable(worker.lock.place) or "" end
  local file = call.file:match("[^/]+$") or call.file
  return ("%s (%s:%.0f)"):format(call.name, file, math.max(call.line, 0))
end

local WORKERS = {
  { key = "name", title = "WORKER", rank = 0 },
  { key = "pid", title = "PID", align = "r", rank = 6 },
  { key = "tid", title = "THREAD", align = "r", rank = 11 },
  { key = "cpu", title = "CPU", align = "r", rank = 1 },
  { key = "memory", title = "MEM", align = "r", rank = 4 },
  { key = "busy", title = "BUSY", align = "r", rank = 3 },
  { key = "calls", title = "CALLS", align = "r", rank = 8 },
  { key = "rate", title = "CALLS/S", align = "r", rank = 7 },
  { key = "bytes_in", title = "IN", align = "r", rank = 9 },
  { key = "bytes_out", title = "OUT", align = "r", rank = 10 },
  { key = "age", title = "AGE", align = "r", rank = 5 },
  { key = "does", title = "DOES", rank = 0, least = 30 },
  { key = "where", title = "WHERE", rank = 2, least = 14 },
}

local function worker_row(worker)
  local is_pool = worker.awake > 0
  return {
    worker = worker, name = native.printable(worker.name), pid = whole(worker.pid),
    tid = worker.is_task and "" or whole(worker.tid), cpu = percent(worker.cpu),
    memory = worker.bytes and bytes_in_words(worker.bytes) or "", busy = is_pool and percent(worker.busy_share) or "",
    calls = is_pool and whole(worker.tasks) or "", rate = per_second(worker.calls_rate),
    bytes_in = bytes_per_second(worker.in_rate), bytes_out = bytes_per_second(worker.out_rate),
    age = worker.age > 0 and seconds_in_words(worker.age) or "", does = activity(worker), where = place_of(worker),
  }
end

-- Orders of the workers, by key: a title, and the figure, of which the largest comes first; nil: that of the names.
text.orders = {
  { key = "w", title = "worker" },
  { key = "c", title = "cpu", figure = function(worker) return worker.cpu or 0 end },
  { key = "m", title = "memory", figure = function(worker) return worker.bytes or 0 end },
  { key = "b", title = "busy", figure = function(worker) return worker.busy_share or 0 end },
  { key = "r", title = "rate", figure = function(worker) return worker.calls_rate or 0 end },
  { key = "a", title = "age", figure = function(worker) return worker.age end },
}

-- Names with a number behind them in the order of the numbers, the program's first thread before all.
local function is_before(a, b)
  if (a.is_main or false) ~= (b.is_main or false) then return a.is_main == true end
  local a_stem, b_stem = a.name:gsub("%d+$", ""), b.name:gsub("%d+$", "")
  if a_stem ~= b_stem then return a_stem < b_stem end
  local a_number, b_number = tonumber(a.name:match("%d+$")) or 0, tonumber(b.name:match("%d+$")) or 0
  if a_number ~= b_number then return a_number < b_number end
  if a.pid ~= b.pid then return a.pid < b.pid end
  return a.tid < b.tid
end

local function sorted(workers, order)
  local list = {}
  for i, worker in ipairs(workers) do list[i] = worker end
  table.sort(list, function(a, b)
    local x, y = order.figure and order.figure(a), order.figure and order.figure(b)
    if x ~= y then return x > y end
    return is_before(a, b)
  end)
  return list
end

local function add_workers(lines, view, order, columns, style)
  local rows = {}
  for i, worker in ipairs(sorted(view.workers, order)) do rows[i] = worker_row(worker) end
  add_table(lines, WORKERS, rows, columns, style, function(row)
    if row.worker.lock then return style.doubt end
    if row.worker.phase == "ended" then return style.faint end
    return row.worker.cpu and row.worker.cpu >= 0.5 and style.good or nil
  end)
end

-- Queues and locks ----------------------------------------------------------------------------------------------

local RINGS = {
  { key = "purpose", title = "QUEUE", rank = 0 },
  { key = "depth", title = "DEPTH", align = "r", rank = 0 },
  { key = "room", title = "ROOM FOR", align = "r", rank = 2 },
  { key = "put", title = "PUT", align = "r", rank = 1 },
  { key = "rate", title = "PUT/S", align = "r", rank = 3 },
  { key = "bytes", title = "BYTES PUT", align = "r", rank = 4 },
  { key = "closed", title = "", rank = 5 },
}

local function add_rings(lines, view, columns, style)
  table.sort(view.rings, function(a, b)
    if a.depth ~= b.depth then return a.depth > b.depth end
    return a.put > b.put
  end)
  local rows = {}
  for i = 1, math.min(#view.rings, RINGS_SHOWN) do
    local r = view.rings[i]
    rows[i] = { purpose = r.purpose, depth = whole(r.depth), room = r.maxsize > 0 and whole(r.maxsize) or "any",
      put = whole(r.put), rate = per_second(r.rate), bytes = bytes_in_words(r.bytes),
      closed = r.is_closed and "closed" or "" }
  end
  if #rows == 0 then return end
  lines[#lines + 1] = ""
  add_table(lines, RINGS, rows, columns, style)
  if #view.rings > RINGS_SHOWN then lines[#lines + 1] = string.format("… and %d more", #view.rings - RINGS_SHOWN) end
end

local LOCKS = {
  { key = "kind", title = "LOCK", rank = 0 },
  { key = "waiting", title = "WAITING", align = "r", rank = 0 },
  { key = "holder", title = "HELD BY", align = "r", rank = 0 },
  { key = "state", title = "", rank = 1 },
}

local function state_of(lock)
  if lock.is_broken then return "broken" end
  if lock.has_permits then return whole(lock.free) .. " free" end
  return lock.readers > 0 and whole(lock.readers) .. " read" or ""
end

-- Those with a holder or waiters.
local function add_locks(lines, view, columns, style)
  local rows = {}
  table.sort(view.locks, function(a, b) return a.waiting > b.waiting end)
  for _, lock in ipairs(view.locks) do
    local is_used = lock.waiting > 0 or lock.holder > 0 or lock.readers > 0
    if #rows < LOCKS_SHOWN and is_used then
      rows[#rows + 1] = { kind = lock.kind, waiting = whole(lock.waiting),
        holder = lock.holder > 0 and whole(lock.holder) or "", state = state_of(lock), is_waited = lock.waiting > 0 }
    end
  end
  if #rows == 0 then return end
  lines[#lines + 1] = ""
  add_table(lines, LOCKS, rows, columns, style, function(row) return row.is_waited and style.doubt or nil end)
end

-- The whole -----------------------------------------------------------------------------------------------------

local function summary(view)
  local cpu, is_known = 0, false
  for _, worker in ipairs(view.workers) do cpu, is_known = cpu + (worker.cpu or 0), is_known or worker.cpu ~= nil end
  local form = "%d processes, %d workers, %s%s resident; shared memory %s (%s free) of %s, in %d queues and pipes"
  return form:format(#view.processes, #view.workers - 1, is_known and percent(cpu) .. " of a processor, " or "",
    bytes_in_words(view.resident), bytes_in_words(view.memory), bytes_in_words(view.memory_warm),
    bytes_in_words(view.memory_most), #view.rings)
end

-- The lines of a look (top/look.lua). note: what else is to be said, or nil.
function text.program(view, command, order, columns, style, note)
  local lines = { style.strong(cut(text.command(command), columns)), cut(summary(view), columns), "" }
  add_workers(lines, view, order, columns, style)
  add_rings(lines, view, columns, style)
  add_locks(lines, view, columns, style)
  if not view.is_whole then lines[#lines + 1] = "… and more than top looks at" end
  if note then lines[#lines + 1] = style.faint(cut(note, columns)) end
  return lines
end

local PROGRAMS = {
  { key = "pid", title = "PID", align = "r", rank = 0 },
  { key = "size", title = "PROCESSES", align = "r", rank = 3 },
  { key = "workers", title = "WORKERS", align = "r", rank = 2 },
  { key = "rings", title = "QUEUES", align = "r", rank = 4 },
  { key = "memory", title = "MEM", align = "r", rank = 1 },
  { key = "command", title = "PROGRAM", rank = 0 },
}

-- The lines of a list of programs; chosen: the place of one in it, or nil.
function text.programs(list, chosen, columns, style)
  if #list == 0 then return { "no program of this user uses manymoons" } end
  local rows, lines = {}, {}
  for i, program in ipairs(list) do
    rows[i] = { pid = whole(program.pid), size = whole(program.processes), workers = whole(program.workers),
      rings = whole(program.rings), memory = bytes_in_words(program.resident), command = text.command(program.command),
      is_chosen = i == chosen }
  end
  add_table(lines, PROGRAMS, rows, columns, style, function(row) return row.is_chosen and style.title or nil end)
  return lines
end

return text
