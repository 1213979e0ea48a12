-- SPDX-License-Identifier: MIT
-- variants: release
-- Clients of other Luas: source and names run anywhere, functions where the Lua is the same, and who waits for such a
-- worker in vain is told. A client with tasks goes on with the others while one waits.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
broker.worker(server, "jobs", "--slots 2 --lease 1")

local script = broker.file("client.lua")
local file = assert(io.open(script, "w"))
file:write([[
  local mm, expect = require "manymoons", require "expect"
  local pool = mm.Pool{ broker = arg[1], name = "jobs", abi_wait = 0.3 }
  expect.equal(pool:apply("local a, b = ... return a + b, 'x'", 1, 2), 3)
  expect.equal(pool:map("math:floor", { 1.5, 2.5 }), { 1, 2 })
  expect.equal(pool:apply("return ...", { list = { 1, 2, { deep = true } } }).list[3].deep, true)
  local ok, err = pcall(pool.apply, pool, "error({ code = 7 })")
  expect.equal(ok, false)
  expect.equal(err.value.code, 7)
  expect.raises("source", pool.apply, pool, "not Lua at all")
  ok, err = pcall(pool.apply, pool, function() return 1 end)
  if arg[2] == "same" then
    expect.equal(err, 1)
  else
    expect.equal(ok, false)
    expect.equal(err.kind, "unsendable")
    expect.truthy(err.message:find("runs the Lua of this program"), err.message)
  end
  local id = pool:post("local a, b = ... return a + b, 'x'", { 1, 2 }, { delay = 0.01, unique = "sum", rate = "9/s" })
  expect.equal({ mm.result(arg[1], id, expect.HANG) }, { 3, "x" })
  ok, err = pcall(mm.result, arg[1], pool:post("error({ code = 8 })", {}, { retries = 0 }), expect.HANG)
  expect.equal({ ok, err.value.code }, { false, 8 })
  expect.truthy(pool:schedule("daily", "@daily", "math:floor", { 1.5 }) > os.time(), "the next day")
  expect.equal(pool:unschedule("daily"), true)
  local q = mm.Queue{ broker = arg[1], name = "items" }
  expect.equal(q:put({ 1, "two" }), true)
  expect.equal(q:get(expect.HANG)[2], "two")
  pool:close()
  expect.equal(pool:join(expect.HANG), true)
  print("fine")
]])
file:close()
for _, lua in ipairs({ { "lua5.4", "5.4", "same" }, { "lua5.1", "5.1" }, { "luajit", "5.1" } }) do
  if broker.run("command -v " .. lua[1]) ~= "" then
    local text = broker.run(string.format("LUA_CPATH='%s/lua/%s/?.so;;' %s %s %s %s", os.getenv("MM_BUILD"), lua[2],
      lua[1], script, server.url, lua[3] or ""))
    expect.equal(text, "fine\n", lua[1])
  end
end

-- tasks
local seen = {}
mm.async.run(function()
  local async = mm.async
  local pool = mm.Pool{ broker = server.url, name = "jobs" }
  local slow = async.spawn(function()
    local result = pool:apply("require('manymoons').sleep(0.4) return 'slow'")
    seen[#seen + 1] = result
  end)
  local quick = async.spawn(function()
    for _ = 1, 5 do
      async.sleep(0.01)
      seen[#seen + 1] = "tick"
    end
    seen[#seen + 1] = pool:apply("return 'quick'")
  end)
  local posting = async.spawn(function()
    return mm.result(server.url, pool:post("require('manymoons').sleep(0.2) return 'posted'"), expect.HANG)
  end)
  quick:get(expect.HANG)
  slow:get(expect.HANG)
  expect.equal(posting:get(expect.HANG), "posted")
  pool:terminate()
end)
expect.equal(seen, { "tick", "tick", "tick", "tick", "tick", "quick", "slow" })

-- threads of one VM share a pool
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local results, threads = {}, {}
for t = 1, 3 do
  threads[t] = mm.threads.Process(function()
    for i = 1, 20 do results[t * 100 + i] = pool:apply("return ... * 2", i) end
    expect.equal(mm.result(server.url, pool:post("math:floor", { t + 0.5 }), expect.HANG), t)
  end)
  threads[t]:start()
end
for t = 1, 3 do
  expect.equal(threads[t]:join(expect.HANG), true)
  for i = 1, 20 do expect.equal(results[t * 100 + i], i * 2) end
end
pool:terminate()
