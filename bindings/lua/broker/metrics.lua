-- SPDX-License-Identifier: MIT
-- What a worker counts, as OpenMetrics has it, and the pages of `manymoons worker --metrics`: /metrics, /healthz,
-- /readyz. The counters live as long as the worker, and never fall.
--
-- Functions are told apart by their name or place. Their number is bounded: further ones are "other".
local require, native = ...

local codec = require("broker.codec")
local http_server = require("net.http_server")

local Metrics = {}
Metrics.__index = Metrics

local BOUNDS = { 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800 }
local FUNCTIONS_MOST, NAME_MOST = 200, 120
local TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

-- Counting -----------------------------------------------------------------------------------------------------------

local function new_histogram()
  local histogram = { sum = 0, count = 0 }
  for i = 1, #BOUNDS do histogram[i] = 0 end
  return histogram
end

local function observe(histogram, seconds)
  histogram.sum, histogram.count = histogram.sum + seconds, histogram.count + 1
  for i = #BOUNDS, 1, -1 do
    if seconds > BOUNDS[i] then return end
    histogram[i] = histogram[i] + 1
  end
end

local function find_row(self, pool, task)
  local name = codec.function_shown(task):sub(1, NAME_MOST)
  local key = pool .. " " .. name
  if not self.rows[key] and #self.order >= FUNCTIONS_MOST then
    key, name = pool .. " other", "other"
  end
  local row = self.rows[key]
  if not row then
    row = { pool = pool, name = name, waiting = new_histogram(), running = new_histogram(), done = 0, failed = 0,
      retried = 0, lost = 0 }
    self.rows[key] = row
    self.order[#self.order + 1] = row
  end
  return row
end

-- The row of a task's pool and function, which are often those of the task before.
local function row_of(self, pool, task)
  local last = self.last
  if last.pool ~= pool or last.func ~= task.func or last.label ~= task.label then
    last = { pool = pool, func = task.func, label = task.label, row = find_row(self, pool, task) }
    self.last = last
  end
  return last.row
end

-- The task begins, after it has waited for so long.
function Metrics.note_begin(self, pool, task, seconds)
  observe(row_of(self, pool, task).waiting, math.max(0, seconds))
end

-- It has run. how: "done", "failed", "retried" or "lost"
function Metrics.note_end(self, pool, task, how, seconds)
  local row = row_of(self, pool, task)
  row[how] = row[how] + 1
  if seconds then observe(row.running, seconds) end
end

-- Writing ------------------------------------------------------------------------------------------------------------

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function label(name, value) return name .. '="' .. native.printable(value):gsub('[\\"\n]', ESCAPES) .. '"' end

local function add_family(out, name, kind, help)
  out[#out + 1] = "# TYPE " .. name .. " " .. kind
  out[#out + 1] = "# HELP " .. name .. " " .. help
end

local function add(out, name, labels, value)
  out[#out + 1] = string.format("%s{%s} %.14g", name, table.concat(labels, ","), value)
end

local function add_tasks(self, out)
  local name = "manymoons_worker_tasks"
  add_family(out, name, "counter", "Runs of tasks by how they ended.")
  for _, row in ipairs(self.order) do
    for _, how in ipairs({ "done", "failed", "retried", "lost" }) do
      add(out, name .. "_total", { label("pool", row.pool), label("function", row.name), label("outcome", how) },
        row[how])
    end
  end
end

local function add_histogram(self, out, name, field, help)
  add_family(out, name, "histogram", help)
  for _, row in ipairs(self.order) do
    local histogram, labels = row[field], { label("pool", row.pool), label("function", row.name) }
    for i, bound in ipairs(BOUNDS) do
      add(out, name .. "_bucket", { labels[1], labels[2], label("le", string.format("%.14g", bound)) }, histogram[i])
    end
    add(out, name .. "_bucket", { labels[1], labels[2], label("le", "+Inf") }, histogram.count)
    add(out, name .. "_sum", labels, histogram.sum)
    add(out, name .. "_count", labels, histogram.count)
  end
end

-- gauges: a list of { name, help, value of a service }
local function add_gauges(self, out)
  for _, gauge in ipairs({
    { "connected", "Whether the worker reaches the server.", function(s) return s.is_connected and 1 or 0 end },
    { "running", "Tasks that run.", function(s) return s.tasks.running end },
    { "in_hand", "Tasks that run or wait in the worker.", function(s) return s.tasks.in_hand end },
  }) do
    add_family(out, "manymoons_worker_" .. gauge[1], "gauge", gauge[2])
    for _, service in ipairs(self.daemon.services) do
      add(out, "manymoons_worker_" .. gauge[1], { label("pool", service.name) }, gauge[3](service))
    end
  end
  add_family(out, "manymoons_worker_slots", "gauge", "Tasks that can run at once.")
  add(out, "manymoons_worker_slots", { label("worker", self.daemon.name) }, self.daemon.slots)
end

function Metrics.text(self)
  local out = {}
  add_tasks(self, out)
  add_histogram(self, out, "manymoons_worker_waiting_seconds", "waiting", "Seconds that tasks waited before they ran.")
  add_histogram(self, out, "manymoons_worker_running_seconds", "running", "Seconds that tasks ran.")
  add_gauges(self, out)
  out[#out + 1] = "# EOF\n"
  return table.concat(out, "\n")
end

-- Pages --------------------------------------------------------------------------------------------------------------

local function is_ready(daemon)
  for _, service in ipairs(daemon.services) do
    if not service.is_connected then return false end
  end
  return not daemon.is_leaving
end

local function page(self, path)
  if path == "/metrics" then return 200, TYPE, self:text() end
  if path == "/healthz" then return 200, "text/plain", "ok\n" end
  if path == "/readyz" then
    local ready = is_ready(self.daemon)
    return ready and 200 or 503, "text/plain", ready and "ready\n" or "not ready\n"
  end
end

-- → the address; raises why it cannot listen
function Metrics.listen(self, address)
  local server, why = http_server.new(address, function(request) return page(self, request.path) end)
  if not server then error("--metrics: " .. address .. ": " .. tostring(why), 0) end
  self.server = server
  return server.address
end

function Metrics.step(self)
  if self.server then self.server:step() end
end

-- As of the server.
function Metrics.watch(self, list) return self.server and self.server:watch(list) end

function Metrics.close(self)
  if self.server then self.server:close() end
end

-- daemon: the worker
return function(daemon) return setmetatable({ daemon = daemon, rows = {}, order = {}, last = {} }, Metrics) end
