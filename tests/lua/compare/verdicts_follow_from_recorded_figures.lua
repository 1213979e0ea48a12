-- SPDX-License-Identifier: MIT
-- worlds: serial
-- The verdict is a function of recorded figures alone: a world is fastest only if its interval overlaps with that of no
-- other; a busy machine, short runs and idle workers are named; and the same figures give the same answer.
local embedded = require("manymoons")._require
local expect = require("expect")
local judge = embedded("compare.summary")
local statistics = embedded("compare.statistics")
local text = embedded("compare.text")
local verdict = embedded("compare.verdict")

-- A cell from the recorded seconds of its runs. `more`: cpu, ready, others, lost of each run, messages, share of the
-- workers.
local function cell(world, walls, more)
  more = more or {}
  local runs = {}
  for i, wall in ipairs(walls) do
    local cpu, share = more.cpu or wall, more.share or 0.9
    local ready = more.ready or 0
    runs[i] = { wall = wall, cpu = cpu, peak = 1e6, others = more.others or 0, lost = more.lost or ready,
      stolen = more.stolen or 0, stats = { messages = more.messages or 8, bytes = 80 }, threads = {
        { ran = cpu * (1 - share), ready = ready * (1 - share) }, { ran = cpu * share, ready = ready * share } } }
  end
  return { world = world, workers = more.workers, runs = runs }
end

local function judged(...)
  local rows = judge.rows({ ... })
  return verdict.of(rows), rows
end

local function expect_answer(pattern, ...)
  local found = judged(...)
  expect.truthy(text.answer(found):find(pattern), "wanted " .. pattern .. ", got: " .. text.answer(found))
  return found
end

local QUIET = { 1.60, 1.61, 1.59, 1.62, 1.60 }

-- Recorded on a quiet machine: primes.lua.
local found = expect_answer("^processes is fastest: 1%.93 × %(1%.%d+–[12]%.%d+%) serial %(0%.83 s against 1%.60 s%), "
  .. "5 runs each$", cell("serial", QUIET), cell("threads", { 1.66, 1.65, 1.67, 1.66, 1.68 }),
  cell("interpreters", { 0.90, 0.91, 0.90, 0.92, 0.90 }), cell("processes", { 0.83, 0.83, 0.84, 0.82, 0.83 }))
expect.equal(found.kind, "fastest")
expect.truthy(found.best.low < found.best.speedup and found.best.speedup < found.best.high)
expect.truthy(text.speedup(found.best):find("^1%.93 × %(%d%.%d%d–%d%.%d%d%)$"), text.speedup(found.best))

-- The two best overlap, and both are faster than serial.
expect_answer("^no world is clearly faster: processes and interpreters are within 6 %%, 1%.88 × %(.*%) serial, "
  .. "5 runs each$",
  cell("serial", QUIET), cell("interpreters", { 0.90, 0.87, 0.95, 0.82, 0.90 }),
  cell("processes", { 0.85, 0.96, 0.83, 0.94, 0.81 }))

-- The usual intervals lie apart by a hair: no claim is made of that.
expect_answer("^no world is clearly faster: threads and serial are within 1[0-9] %%",
  cell("serial", { 0.126, 0.115, 0.132, 0.125, 0.127 }), cell("threads", { 0.110, 0.109, 0.111, 0.110, 0.110 }))

-- All overlap.
expect_answer("^no world is clearly faster: .*serial.* are within 2 %%, 5 runs each$", cell("serial", QUIET),
  cell("async", { 1.58, 1.63, 1.60, 1.57, 1.62 }), cell("threads", { 1.63, 1.60, 1.57, 1.66, 1.64 }))

-- Serial wins, and the next one is named.
expect_answer("^serial is fastest %(1%.60 s%); processes comes next and takes 1%.25 times as long %(2%.00 s%)",
  cell("serial", QUIET), cell("processes", { 2, 2.01, 1.99, 2, 2.02 }))

-- Recorded beside four computing programs: the medians alone would call threads the fastest.
local busy = { ready = 1.4, others = 3.2 }
local crowded = { cpu = 1.65, ready = 2.6, others = 3.1, lost = 1.1 }
found = expect_answer("^the machine was too busy to tell: .* had none for 61 %% of the time %(threads%), 5 runs each$",
  cell("serial", { 3.38, 2.96, 3.73, 3.4, 3.2 }, { cpu = 1.6, ready = busy.ready, others = busy.others }),
  cell("threads", { 1.85, 1.9, 1.8, 1.84, 1.86 }, crowded))
expect.equal(found.kind, "busy")
local notes = table.concat(text.notes(found, { usable = 2 }), "\n")
expect.truthy(notes:find("^on the critical path, .* threads is %d"), notes)

-- Waiting for each other's workers is not the machine's: nobody else used the processors.
expect_answer("^processes is fastest", cell("serial", QUIET),
  cell("processes", { 0.83, 0.83, 0.84, 0.82, 0.83 }, { cpu = 1.6, ready = 4, others = 0.01 }))
-- Nor is a large share of nearly nothing: a program that sleeps lost a hundredth of its time.
expect_answer("^async is fastest", cell("serial", QUIET, { cpu = 0.01, ready = 0.02, others = 3 }),
  cell("async", { 0.2, 0.21, 0.2, 0.2, 0.2 }, { cpu = 0.01, ready = 0.005, others = 0.4, lost = 0.004 }))
-- The hypervisor took the time.
expect_answer("^the machine was too busy to tell", cell("serial", QUIET, { stolen = 0.5 }), cell("threads", QUIET))

expect_answer("^too short to tell: runs of 12 ms are mostly the start of the program",
  cell("serial", { 0.012, 0.012, 0.012 }), cell("processes", { 0.020, 0.021, 0.02 }))
expect_answer("^no workers ran: ", cell("serial", QUIET, { share = 0, messages = 0 }),
  cell("processes", QUIET, { share = 0.001, messages = 0 }))
-- On a busy machine as well: that is no matter of time.
expect_answer("^no workers ran: ", cell("serial", QUIET, { share = 0, messages = 0, ready = 1.4, others = 3 }),
  cell("processes", QUIET, { share = 0.001, messages = 0, ready = 1.5, others = 3 }))
expect_answer("^too few runs to tell: processes took the least time %(1%.00 s%), 2 runs each; serial came next",
  cell("serial", { 2, 2 }), cell("processes", { 1, 1 }))
expect_answer("^processes takes 1%.00 s, 1 run$", cell("processes", { 1 }))

-- Systems that count no waiting: no busy machine is claimed, and nothing fails.
local unknown = cell("serial", QUIET)
for _, run in ipairs(unknown.runs) do run.threads, run.lost = nil, nil end
local _, rows = judged(unknown, cell("processes", { 0.8, 0.8, 0.81, 0.8, 0.79 }))
expect.equal(rows[1].cpu_wait, nil)
expect.truthy(text.table(rows, verdict.of(rows)):find("serial.* %-"))
-- But if others used what this program did not, on all processors, it is.
local full = cell("serial", QUIET)
for _, run in ipairs(full.runs) do run.threads, run.lost, run.processors, run.others = nil, nil, 2, 1.5 end
expect_answer("^the machine was too busy to tell: ", full, cell("processes", { 0.8, 0.8, 0.81, 0.8, 0.79 }))

-- Statistics ----------------------------------------------------------------------------------------------------------

local USUAL = statistics.USUAL
local low, high = statistics.interval({ 2, 2, 2, 2, 2 }, { 1, 1, 1, 1, 1 }, USUAL)
expect.equal({ low, high }, { 2, 2 })
expect.equal(statistics.interval({ 1, 2 }, { 1, 2 }, USUAL), nil)
local again = { statistics.interval(QUIET, { 0.8, 0.9, 0.7, 0.8, 0.85 }, USUAL) }
expect.equal({ statistics.interval(QUIET, { 0.8, 0.9, 0.7, 0.8, 0.85 }, USUAL) }, again)

-- A drift of the whole machine, which both have alike, does not widen the interval of the ratio beyond its size.
low, high = statistics.interval({ 1, 1.1, 1.2, 1.3, 1.4, 1.5 }, { 0.5, 0.55, 0.6, 0.65, 0.7, 0.75 }, USUAL)
expect.truthy(high - low < 0.01, low .. " to " .. high)

expect.equal(statistics.outliers({ 1, 1.01, 0.99, 1.02, 9 }), { 9 })
expect.equal(statistics.outliers({ 1, 1.01, 0.99, 1.02, 1.1 }), {})
expect.equal(statistics.outliers({ 1, 1, 1, 1, 1.01 }), {})
expect.equal(statistics.outliers({ 1, 9 }), {})

-- Programs of equal speed: with noise of 3 %, no world may be called the fastest more often than the interval says.
local state, false_ones = 7, 0
local function noise()
  state = state * 16807 % 2147483647
  return 1 + (state / 2147483647 - 0.5) * 0.06
end
for _ = 1, 100 do
  local cells = {}
  for i, world in ipairs({ "serial", "async", "threads" }) do
    local walls = {}
    for run = 1, 7 do walls[run] = noise() end
    cells[i] = cell(world, walls)
  end
  if judged(cells[1], cells[2], cells[3]).kind == "fastest" then false_ones = false_ones + 1 end
end
expect.truthy(false_ones == 0, false_ones .. " of 100 verdicts named a winner among equals")
