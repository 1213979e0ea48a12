-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- hosts: manymoons
-- Kills, exits, errors, timeouts and cancellations at random: each call ends exactly once, with its own result or with
-- the fault that was caused, and the pool continues. SECONDS=600 for a longer run.
local mm = require "manymoons"
local expect = require "expect"

local SECONDS = tonumber(os.getenv("SECONDS") or "3")
local WORKERS, AT_ONCE, LIMIT = 3, 24, 0.03
local world = mm.current_world()
local seed = tonumber(os.getenv("SEED")) or os.time()
math.randomseed(seed)

local function task(kind, x)
  local moons = require "manymoons"
  if kind == "error" then error("error " .. x) end
  if kind == "exit" then os.exit(x % 200 + 1) end
  if kind == "kill" then os.execute("kill -9 $PPID") end
  if kind == "spin" then while true do x = tostring(x):sub(1, 9) end end
  if kind == "nap" then moons.sleep(0.001) end
  return x
end

local kinds = { "fine", "fine", "nap", "error", "exit", "spin", "spin cancelled", "nap cancelled" }
if world == "processes" then kinds[#kinds + 1] = "kill" end

local allowed = {
  fine = { ok = true }, nap = { ok = true }, error = { error = true }, exit = { died = true }, kill = { died = true },
  spin = { timeout = true }, ["spin cancelled"] = { cancelled = true },
  ["nap cancelled"] = { cancelled = true, ok = true },
}

local pool = mm.Pool(WORKERS)
local open, ended, endings = {}, {}, 0

local function begin(x)
  local kind = kinds[math.random(#kinds)]
  local opts = kind == "spin" and { timeout = LIMIT } or nil
  local future = pool:apply_async(task, { kind:match("^%a+"), x }, opts)
  future:on_done(function(done)
    endings = endings + 1
    ended[x] = (ended[x] or 0) + 1
    local ok, result = pcall(done.get, done)
    local what = ok and "ok" or result.kind
    expect.truthy(allowed[kind][what], "seed " .. seed .. ": a call to " .. kind .. " ended with " .. tostring(result))
    if ok then expect.equal(result, x) end
  end)
  return { future = future, kind = kind, begun = mm.time() }
end

-- An error of a callback is only reported on stderr, so errors are kept and raised here.
local wrong
local real_truthy, real_equal = expect.truthy, expect.equal
local function keep(check)
  return function(...)
    local ok, err = pcall(check, ...)
    if not ok then wrong = wrong or err end
  end
end
expect.truthy, expect.equal = keep(real_truthy), keep(real_equal)

local until_then, x = mm.time() + SECONDS, 0
while mm.time() < until_then and not wrong do
  while #open < AT_ONCE do
    x = x + 1
    open[#open + 1] = begin(x)
  end
  mm.wait({ open[1].future }, 0.01)
  local still = {}
  for _, call in ipairs(open) do
    if call.kind:find("cancelled") and math.random(4) == 1 then call.future:cancel() end
    if not call.future:ready() then still[#still + 1] = call end
    if mm.time() - call.begun > expect.HANG then wrong = wrong or ("a call to " .. call.kind .. " does not end") end
  end
  open = still
end
for _, call in ipairs(open) do
  if call.kind:find("cancelled") then call.future:cancel() end
end
pool:close()
local done, why = pool:join(expect.HANG)
expect.truthy, expect.equal = real_truthy, real_equal
if wrong then error(wrong) end
expect.equal({ done, why }, { true, nil })
expect.equal(endings, x)
for i = 1, x do expect.equal(ended[i], 1, "endings of call " .. i) end
