-- SPDX-License-Identifier: MIT
-- `manymoons top PID`: shows the state of a running program (cli/inspect.c), once a second.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local json = require("core.json")
local waits = require("core.waits")

local EVERY = 1
local RINGS_SHOWN, LOCKS_SHOWN = 12, 12
local USAGE = [[
usage: manymoons top [--once] [--json] PID
Shows the workers of a running program with the call that each runs and for how long, its queues and their depth, the
holders of its locks and the number of waiters, and its memory. PID is any process of the program. q or Ctrl-C quits.
The program is not stopped or slowed.
  --once   print one table and exit
  --json   print JSON, one line a second
]]

local function leave(code, text)
  if text then io.stderr:write("manymoons top: ", text, "\n") end
  os.exit(code)
end

local function read_options(words)
  local options = {}
  for _, word in ipairs(words) do
    if word == "--once" or word == "--json" then
      options[word:sub(3)] = true
    elseif word == "--help" or word == "-h" then
      io.stdout:write(USAGE)
      leave(0)
    elseif word:find("^%d+$") and not options.pid then
      options.pid = math.tointeger(tonumber(word))
    else
      leave(2, "unexpected '" .. word .. "'; usage: manymoons top [--once] [--json] PID")
    end
  end
  if not options.pid then leave(2, "which program? give a PID (manymoons top PID)") end
  return options
end

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
  return string.format("%d:%02d min", seconds // 60, math.floor(seconds % 60))
end

local function command_of(pid)
  local text = native.process_command(pid) or ""
  return native.printable((text:gsub("%z+$", ""):gsub("%z", " ")))
end

local function activity(worker)
  if worker.phase ~= "running" then return worker.phase end
  if worker.task == 0 then return worker.awake > 0 and "waits for a task" or "runs" end
  local what = string.format("task %.0f", worker.task)
  if worker.item > 1 then what = string.format("call %.0f of task %.0f", worker.item, worker.task) end
  return worker.seconds > 0 and what .. ", for " .. seconds_in_words(worker.seconds) or what
end

-- Tables --------------------------------------------------------------------------------------------------------

-- Formats rows of texts; the first is the head. `align` has "l" or "r" for each column.
local function table_of(rows, align)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do widths[i] = math.max(widths[i] or 0, utf8.len(text) or #text) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, text in ipairs(row) do
      local pad = (" "):rep(widths[i] - (utf8.len(text) or #text))
      cells[i] = align:sub(i, i) == "r" and pad .. text or text .. pad
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return lines
end

local function append(lines, more)
  for _, line in ipairs(more) do lines[#lines + 1] = line end
end

-- The busy share of the time since the previous view, or since the worker began.
local function busy_share(worker, before)
  local old = before and before[worker.pid .. "/" .. worker.tid]
  local busy, passed = worker.busy, worker.awake
  if old then busy, passed = worker.busy - old.busy, worker.awake - old.awake end
  if worker.task ~= 0 then busy = busy + math.min(worker.seconds, passed - busy) end
  if passed <= 0 then return "" end
  return string.format("%.0f %%", 100 * math.max(0, math.min(1, busy / passed)))
end

local function worker_rows(view, before)
  local rows = { { "WORKER", "PID", "THREAD", "CALLS", "BUSY", "IN", "OUT", "AGE", "DOES" } }
  for _, w in ipairs(view.workers) do
    local is_pool = w.awake > 0
    rows[#rows + 1] = {
      native.printable(w.name), tostring(math.tointeger(w.pid)), tostring(math.tointeger(w.tid)),
      is_pool and string.format("%.0f", w.tasks) or "", is_pool and busy_share(w, before) or "",
      is_pool and bytes_in_words(w.bytes_in) or "", is_pool and bytes_in_words(w.bytes_out) or "",
      seconds_in_words(w.age), activity(w),
    }
  end
  return rows
end

local function ring_rows(view)
  local rows = { { "QUEUE", "DEPTH", "ROOM FOR", "PUT", "BYTES PUT", "" } }
  table.sort(view.rings, function(a, b)
    if a.depth ~= b.depth then return a.depth > b.depth end
    return a.put > b.put
  end)
  for i = 1, math.min(#view.rings, RINGS_SHOWN) do
    local r = view.rings[i]
    rows[#rows + 1] = {
      r.purpose, string.format("%.0f", r.depth), r.maxsize > 0 and string.format("%.0f", r.maxsize) or "any",
      string.format("%.0f", r.put), bytes_in_words(r.bytes), r.is_closed and "closed" or "",
    }
  end
  return rows
end

local function state_of(lock)
  if lock.is_broken then return "broken" end
  if lock.has_permits then return ("%.0f free"):format(lock.free) end
  return lock.readers > 0 and ("%.0f read"):format(lock.readers) or ""
end

-- The locks with a holder or waiters.
local function lock_rows(view)
  local rows = { { "LOCK", "WAITING", "HELD BY", "" } }
  table.sort(view.locks, function(a, b) return a.waiting > b.waiting end)
  for _, lock in ipairs(view.locks) do
    local is_used = lock.waiting > 0 or lock.holder > 0 or lock.readers > 0
    if #rows <= LOCKS_SHOWN and is_used then
      local holder = lock.holder > 0 and ("%.0f"):format(lock.holder) or ""
      rows[#rows + 1] = { lock.kind, ("%.0f"):format(lock.waiting), holder, state_of(lock) }
    end
  end
  return rows
end

local function describe(options, view, before)
  local memory = 0
  for _, pid in ipairs(view.processes) do memory = memory + (native.process_memory(pid) or 0) end
  local lines = {
    command_of(options.pid),
    string.format("%d processes, %d workers, %s resident; shared memory %s (%s free) of %s, in %d queues and pipes",
      #view.processes, #view.workers, bytes_in_words(memory), bytes_in_words(view.memory),
      bytes_in_words(view.memory_warm), bytes_in_words(view.memory_most), #view.rings),
    "",
  }
  append(lines, table_of(worker_rows(view, before), "lrrrrrrrl"))
  lines[#lines + 1] = ""
  append(lines, table_of(ring_rows(view), "lrrrrl"))
  local locks = lock_rows(view)
  if #view.rings > RINGS_SHOWN then lines[#lines + 1] = string.format("… and %d more", #view.rings - RINGS_SHOWN) end
  if #locks > 1 then
    lines[#lines + 1] = ""
    append(lines, table_of(locks, "lrrl"))
  end
  if not view.is_whole then lines[#lines + 1] = "… and more than top looks at" end
  return lines
end

-- The terminal ----------------------------------------------------------------------------------------------------

local is_terminal = os.execute("test -t 1 -a -t 0") == true

local function window()
  local pipe = io.popen("stty size </dev/tty 2>/dev/null")
  local rows, columns = (pipe and pipe:read("a") or ""):match("(%d+) (%d+)")
  if pipe then pipe:close() end
  rows, columns = tonumber(rows) or 0, tonumber(columns) or 0
  return rows > 0 and rows or 24, columns > 0 and columns or 80
end

local function draw(lines)
  local rows, columns = window()
  local out = { "\27[H" }
  for i = 1, math.min(#lines, rows - 1) do
    local last = utf8.offset(lines[i], columns + 1)
    out[#out + 1] = (last and lines[i]:sub(1, last - 1) or lines[i]) .. "\27[K\n"
  end
  out[#out + 1] = "\27[J"
  io.stdout:write(table.concat(out))
  io.stdout:flush()
end

-- Returns true if q or Ctrl-C was pressed. Ctrl-C is an ordinary key here, so that the terminal is always restored.
local function wait_for_key(seconds)
  if not is_terminal then
    waits.sleep(seconds)
    return false
  end
  local deadline = native.time() + seconds
  while true do
    local left = deadline - native.time()
    if left <= 0 or not waits.any({ 0 }, left)[1] then return false end
    local key = io.stdin:read(1)
    if not key or key:find("[qQ\3\4]") then return true end
  end
end

-- The display -----------------------------------------------------------------------------------------------------

local function by_thread(view)
  local map = {}
  for _, worker in ipairs(view.workers) do map[worker.pid .. "/" .. worker.tid] = worker end
  return map
end

local function show(options, view, before)
  if options.json then
    io.stdout:write(native.printable(json.encode(view), "json"), "\n")
    io.stdout:flush()
  elseif options.once or not is_terminal then
    io.stdout:write(table.concat(describe(options, view, before), "\n"), "\n")
    io.stdout:flush()
  else
    draw(describe(options, view, before))
  end
end

local function watch(options)
  local before
  while true do
    local view, why = native.inspect(options.pid)
    if not view and before then return "the program has ended" end
    if not view then leave(1, "process " .. options.pid .. ": " .. why) end
    show(options, view, before)
    if options.once then return nil end
    before = by_thread(view)
    if wait_for_key(EVERY) then return nil end
  end
end

local options = read_options({ ... })
local is_screen = is_terminal and not options.once and not options.json
if is_screen then
  os.execute("stty -icanon -echo -isig </dev/tty")
  io.stdout:setvbuf("full")
  io.stdin:setvbuf("no")
  io.stdout:write("\27[?1049h\27[?25l\27[H")
end
local ok, ending = pcall(watch, options)
if is_screen then
  io.stdout:write("\27[?25h\27[?1049l")
  io.stdout:flush()
  os.execute("stty sane </dev/tty")
end
if not ok then error(ending, 0) end
if ok and ending then io.stdout:write(ending, "\n") end
leave(0)
