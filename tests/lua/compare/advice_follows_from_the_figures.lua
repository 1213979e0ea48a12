-- SPDX-License-Identifier: MIT
-- worlds: serial
-- Each rule gives advice if its figures are clear, and none if they are not.
local embedded = require("manymoons")._require
local expect = require("expect")
local judge = embedded("compare.summary")
local text = embedded("compare.text")
local advise = embedded("compare.advice")
local verdict = embedded("compare.verdict")

-- A cell of five runs: figures = { wall, cpu, messages, bytes of each, lock share, ready, ready because of others }; a
-- spread of the walls in all. The second thread has half of the processor time.
local function new_cell(world, figures, workers)
  local wall, cpu, messages, size, share, ready, of_others = (table.unpack or unpack)(figures)
  local runs = {}
  for i = -1, 1, 0.5 do
    local threads = { { ran = cpu / 2, ready = (ready or 0) / 2 }, { ran = cpu / 2, ready = (ready or 0) / 2 } }
    local lock = share and { held = 1 - share, waited = share } or { held = 0, waited = 0 }
    local stats = { messages = messages or 0, bytes = (messages or 0) * (size or 0), lock = lock }
    runs[#runs + 1] = { wall = wall * (1 + i * 0.01), cpu = cpu, peak = 1e6, stats = stats, threads = threads,
      others = of_others or 0, lost = (ready or 0) / 2 }
  end
  return { world = world, workers = workers, runs = runs }
end

local function advice_on(...)
  local rows = judge.rows({ ... })
  return table.concat(advise(rows, verdict.of(rows)), "\n")
end

local function expect_advice(pattern, ...)
  local said = advice_on(...)
  expect.truthy(said:find(pattern), "wanted " .. pattern .. ", got: " .. said)
end

local serial = new_cell("serial", { 1, 1 })

expect_advice("^threads: 71 %% of the time waiting for the lock: this script is CPU%-bound; processes, with a lock for "
  .. "each VM, ran 1%.9%d times faster$", serial, new_cell("threads", { 1.05, 1.05, 0, 0, 0.71 }),
  new_cell("processes", { 0.54, 1.06 }))
expect_advice("threads: 50 %% of the time waiting for the lock: this script is CPU%-bound, and one lock", serial,
  new_cell("threads", { 1, 1, 0, 0, 0.5 }))
expect_advice("^threads: 71 %% of the time waiting for the lock: this script is CPU%-bound\n", serial,
  new_cell("threads", { 1.05, 1.05, 0, 0, 0.71 }), new_cell("processes", { 1.04, 1.05 })) -- no processor was free
expect_advice("^processes: copying dominates: 200,000 messages of 90 bytes each; 3%.20 s of processor time, where "
  .. "serial needed 1%.00 s", serial, new_cell("processes", { 1.9, 3.2, 200000, 90 }))
expect_advice("^serial slept for 95 %% of its time: this script waits .*; in threads several waits overlap$",
  new_cell("serial", { 1, 0.05 }), new_cell("threads", { 0.2, 0.05 }))
expect_advice("does not seem to use workers", serial, new_cell("processes", { 1, 1 }))
expect_advice("^processes kept 0%.98 processors at work: its workers did not run at the same time$", serial,
  new_cell("processes", { 1, 0.98, 16, 100 }))
expect_advice("^processes wanted 1%.96 processors and had 0%.98: its workers found no free processor", serial,
  new_cell("processes", { 1, 0.98, 16, 100, nil, 0.98, 0.02 }))
expect_advice("^processes with 8 workers: 75 %% of the time without a processor, which its own workers had",
  new_cell("serial", { 1, 1 }, 8), new_cell("processes", { 0.5, 1, 16, 100, nil, 3, 0.001 }, 8))
expect_advice("^processes kept 1%.83 processors at work and is not faster than serial", serial,
  new_cell("processes", { 1.2, 2.2, 16, 100 }))
expect_advice("^processes with 4 workers kept 2%.00 processors at work: workers waited",
  new_cell("serial", { 1, 1 }, 4), new_cell("processes", { 0.5, 1 }, 4))
expect_advice("processes with 2 workers: 0%.51 s, and 0%.50 s with 4: more workers brought little",
  new_cell("serial", { 1, 1 }, 2), new_cell("processes", { 0.51, 1 }, 2), new_cell("serial", { 1, 1 }, 4),
  new_cell("processes", { 0.5, 1 }, 4))

-- A program that had no processor did not sleep, and a machine that is too busy gives no advice at all.
expect.equal(advice_on(new_cell("serial", { 2, 1, 0, 0, nil, 1, 4 }),
  new_cell("threads", { 1.2, 1, 0, 0, 0.5, 0.5, 4 })), "")
expect_advice("^serial slept for 70 %% of its time", new_cell("serial", { 1, 0.28, 0, 0, nil, 0.02, 0.1 }),
  new_cell("threads", { 0.5, 0.28, 0, 0, nil, 0.02, 0.1 }))
-- No advice: twice as fast with two processors, beyond doubt.
expect.equal(advice_on(serial, new_cell("processes", { 0.5, 1, 16, 100 })), "")
expect.equal(advice_on(serial), "")

-- A tie is won by the first; numbers read well.
expect.equal(verdict.by_speed(judge.rows({ new_cell("a", { 1, 1 }), new_cell("b", { 1, 1 }) }))[1].world, "a")
expect.equal(text.count(1234567), "1,234,567")
expect.equal(text.count(999), "999")
expect.equal(text.bytes(1500), "1.5 kB")
