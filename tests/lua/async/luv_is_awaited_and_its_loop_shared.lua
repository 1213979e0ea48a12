-- SPDX-License-Identifier: MIT
-- Tasks can await callbacks of luv (timers, files, DNS, TCP); and tasks run while uv.run waits.
-- worlds: async interpreters
local mm = require "manymoons"
local expect = require "expect"
local uv = require "luv"
local async = mm.async

-- Our loop is the outer one.
async.run(function()
  local begun = mm.time()
  async.await(function(resume)
    local timer = uv.new_timer()
    timer:start(30, 0, function()
      timer:close()
      resume()
    end)
  end)
  expect.truthy(mm.time() - begun >= 0.029)

  local err, about = async.await(function(resume) uv.fs_stat("/proc/self/status", resume) end)
  expect.equal({ err, about.type }, { nil, "file" })

  local why, addresses = async.await(function(resume) uv.getaddrinfo("localhost", nil, {}, resume) end)
  expect.truthy(addresses and #addresses > 0, why)

  -- A server of luv's callbacks, clients that are tasks
  local server = uv.new_tcp()
  server:bind("127.0.0.1", 0)
  server:listen(128, function()
    local client = uv.new_tcp()
    server:accept(client)
    client:read_start(function(_, text)
      if text then client:write(text) else client:close() end
    end)
  end)
  local port, tasks = server:getsockname().port, {}
  for i = 1, 10 do
    tasks[i] = async.spawn(function()
      local client, heard = uv.new_tcp(), async.Queue()
      async.await(function(resume) client:connect("127.0.0.1", port, resume) end)
      client:read_start(function(_, text)
        if text then heard:put(text) end
      end)
      for k = 1, 20 do
        client:write(i .. ":" .. k)
        expect.equal(heard:get(expect.HANG), i .. ":" .. k)
      end
      client:close()
      return i
    end)
  end
  for i, got in ipairs(async.gather(tasks)) do expect.equal(got, i) end
  server:close()

  -- A wait that cannot yield, while luv works
  local size = coroutine.wrap(function()
    return select(2, async.await(function(resume) uv.fs_stat("/proc/self/status", resume) end)).type
  end)()
  expect.equal(size, "file")
end)

-- libuv's loop is the outer one: tasks that callbacks spawn run while it waits.
local order = {}
local first, last = uv.new_timer(), uv.new_timer()
first:start(1, 0, function()
  first:close()
  async.spawn(function()
    mm.sleep(0.01)
    order[#order + 1] = "slept"
    order[#order + 1] = async.to_thread(function() return "worked" end)
    last:close()
  end)
  order[#order + 1] = "called"
end)
last:start(expect.HANG * 1000, 0, function() end)
uv.run()
expect.equal(order, { "called", "slept", "worked" })
