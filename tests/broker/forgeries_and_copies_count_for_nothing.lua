-- SPDX-License-Identifier: MIT
-- variants: release asan
-- Beside what is signed stands what others write into the server: a forged outcome is passed over, and the true one
-- counts; a copy of a signed task does not run, before, while or after the task runs, whatever it claims; and a forged
-- dead letter is not signed by its retry.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local q = broker.quote

local function eval(script, ...)
  local words = { "eval " .. q(script) .. " 0" }
  for _, word in ipairs({ ... }) do words[#words + 1] = q(word) end
  return server:cli(table.concat(words, " "))
end

-- The stream in which the last task waits, or was.
local STREAM = [[
  local stream
  for _, key in ipairs(redis.call('KEYS', 'manymoons:{jobs}:q:*')) do
    if redis.call('XLEN', key) > 0 then stream = key end
  end ]]

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

-- A program whose task waits for a file, and what it says on stderr.
local go, ran = broker.file("go"), broker.file("ran")
local program = write_file(broker.file("program.lua"), [[
  local mm = require "manymoons"
  local url, go, ran = arg[1], arg[2], arg[3]
  local pool = mm.Pool{ broker = url, name = "jobs" }
  local future = pool:submit(function(path, ran)
    local file = io.open(ran, "a")
    file:write("ran\n")
    file:close()
    while not io.open(path) do require("manymoons").sleep(0.01) end
    return "true"
  end, go, ran)
  print(future:get(60))
  pool:terminate()
]])
local said = broker.file("said")
local pid = broker.start(string.format("%s %s %s %s %s", broker.program, program, server.url, go, ran), said)
broker.eventually("the task waits", function()
  return eval(STREAM .. "return stream and 1 or 0") == "1"
end)

-- Forged outcomes, also some that are no entries of ours; and forged tasks in the name of the client.
local forged = eval([[
  local client = redis.call('KEYS', 'manymoons:{jobs}:o:*')[1]:match('o:(.*)$')
  local results = 'manymoons:{jobs}:r:' .. client
  redis.call('XADD', results, '*', 's', '1', 'k', 'v:0', 'v', 'forged', 'm', 'forged')
  redis.call('XADD', results, '*', 's', '1')
  redis.call('XADD', results, '*', 'm', 'x', 'v', 'y', 'k', '', 's', '1')
  redis.call('XADD', results, '*', 'nothing', 'of ours')
  redis.call('XADD', results, '*', 's', '1', 'k', 'l:0', 'v', '', 'm', '')
  redis.call('XADD', 'manymoons:{jobs}:q', '*', 'c', client, 's', '1', 'n', '0', 'f', 'n:os:exit', 'i', '', 'x',
    '0 1 0 2 9999999999 0', 'b', '', 'm', 'forged')
  redis.call('XADD', 'manymoons:{jobs}:q', '*', 'c', client, 's', 'x', 'n', 'y')
  redis.call('XADD', 'manymoons:{jobs}:q', '*', 'n', 'z')
  return 'ok']])
expect.equal(forged, "ok")

-- Copies of the task, one that claims to be a dead letter's.
local captured = eval(STREAM .. [[
  local entry = redis.call('XRANGE', stream, '-', '+')[1]
  for i = 1, 3 do redis.call('XADD', stream, '*', unpack(entry[2])) end
  local fields = entry[2]
  fields[#fields + 1], fields[#fields + 2] = 'again', '1'
  redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SET', 'captured', cjson.encode({ stream, entry[2] }))
  return stream]])
expect.truthy(captured:find("^manymoons:{jobs}:q:"), captured)

local worker = broker.worker(server, "jobs", "--slots 2 --lease 1")
broker.eventually("the task runs", function() return #broker.lines(ran) > 0 end)
broker.eventually("all the others were refused", function()
  return select(2, worker:said():gsub('"refused"', "")) >= 7
end)
expect.equal(broker.read_file(said):find("true"), nil)
write_file(go, "")
broker.eventually("the true outcome counts: " .. broker.read_file(said), function()
  return broker.read_file(said):find("true\n")
end)
expect.truthy(broker.read_file(said):find("passed over"), broker.read_file(said))
broker.eventually("the program ends", function() return not broker.is_alive(pid) end)

-- After the task's end, in the name of a client that is gone; also with what the server kept of that client.
local RETURN = [[
  local captured = cjson.decode(redis.call('GET', 'captured'))
  local stream, fields = captured[1], captured[2]
  local client
  for i = 1, #fields, 2 do if fields[i] == 'c' then client = fields[i + 1] end end
  for i = 1, 2 do
    local id = redis.call('XADD', stream, '*', unpack(fields))
    if ARGV[1] == 'open' then redis.call('HSET', 'manymoons:{jobs}:o:' .. client, 'hw', '1', '1', id) end
  end
  return 'ok']]
local function refusals() return select(2, worker:said():gsub('"refused"', "")) end
for _, how in ipairs({ "plain", "open" }) do
  local before = refusals()
  expect.equal(eval(RETURN, how), "ok")
  broker.eventually(how .. ": they are refused", function() return refusals() >= before + 2 end)
end
expect.equal(#broker.lines(ran), 1, "how often it ran")

-- A dead letter runs again, signed anew; a forged one does not.
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 0 }
local marks = broker.file("marks")
local function die_once(path)
  local file = io.open(path, "a")
  file:write("x\n")
  file:close()
  if #io.open(path):read("*a") == 2 then
    local sleep = require("manymoons").sleep
    while true do sleep(0.01) end
  end
end
local future = pool:submit(die_once, marks)
broker.eventually("it runs", function()
  future:ready()
  return #broker.lines(marks) == 1
end)
worker:kill()
worker:wait()
worker = broker.worker(server, "jobs", "--slots 1 --lease 1")
local ok, err = pcall(future.get, future, expect.HANG)
expect.equal({ ok, ok or err.kind }, { false, "died" })
local letters = pool:dead()
expect.equal(#letters, 1)
expect.equal(eval([[
  local entry = redis.call('XRANGE', 'manymoons:{jobs}:dead', '-', '+')[1]
  for i = 1, #entry[2], 2 do if entry[2][i] == 'b' then entry[2][i + 1] = 'forged' end end
  return redis.call('XADD', 'manymoons:{jobs}:dead', '*', unpack(entry[2])) and 'ok']]), "ok")
letters = pool:dead()
expect.equal(#letters, 2)
local done, why = pool:retry(letters[2].id)
expect.equal(done, nil)
expect.truthy(why:find("BadSignature"), why)
expect.equal(select(2, pool:retry("1-1")), "there is no dead letter 1-1")
local text = broker.run(string.format("%s pool %s jobs --retry %s", broker.program, server.url, letters[1].id))
expect.truthy(text:find("1 task submitted again"), text)
broker.eventually("it runs again", function() return #broker.lines(marks) == 2 end)
expect.equal(#pool:dead(), 1)
pool:terminate()
