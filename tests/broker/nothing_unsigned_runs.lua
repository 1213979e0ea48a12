-- SPDX-License-Identifier: MIT
-- variants: release asan
-- What is not signed, or with another secret, or was changed on its way, is refused and never decoded; the caller is
-- told where there is one.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local SECRET, OTHER = ("s"):rep(20), ("o"):rep(20)
local own, other = broker.secret_file("own", SECRET), broker.secret_file("other", OTHER)
local both = broker.secret_file("both", OTHER .. "\n" .. SECRET)
local server = broker.server()
local worker = broker.worker(server, "jobs", "--slots 1 --lease 2 --secret-file " .. own)
local witness = broker.file("witness")
local function touch(path) assert(io.open(path, "a")):close() return "touched" end
local function is_untouched() return io.open(witness) == nil end

-- another secret: refused, and the refusal cannot be read either
local stranger = mm.Pool{ broker = server.url, name = "jobs", secret_file = other }
local ok, err = pcall(stranger.apply, stranger, touch, witness)
expect.equal(ok, false)
expect.truthy(err.message:find("BadSignature"), err.message)
expect.truthy(is_untouched(), "it did not run")
expect.equal(#stranger:dead(), 1)
stranger:terminate()

-- the right one; two, of which the first signs
local pool = mm.Pool{ broker = server.url, name = "jobs", secret = SECRET }
expect.equal(pool:apply(function(x) return x + 1 end, 1), 2)
broker.worker(server, "turning", "--slots 1 --secret-file " .. both)
local turning = mm.Pool{ broker = server.url, name = "turning", secret_file = both }
expect.equal(turning:apply(function() return "new" end), "new")
turning:terminate()

-- a genuine task whose arguments, function, client or expiry somebody changes on its way
worker:kill("TERM")
worker:wait()
local path = broker.file("elsewhere")
for _, field in ipairs({ "b", "f", "c", "s", "x", "m", "truncated", "unsigned" }) do
  local future = pool:submit(touch, path)
  broker.eventually("it is in its stream", function()
    future:ready()
    return server:cli("xlen 'manymoons:{jobs}:q:'$(redis-cli -s " .. server.socket
      .. " --scan --pattern 'manymoons:{jobs}:q:*' | sed 's/.*q://' | head -1)") == "1"
  end)
  local stream = server:cli("--scan --pattern 'manymoons:{jobs}:q:*'")
  local script = [[
    local e = redis.call('XRANGE', KEYS[1], '-', '+')[1]
    redis.call('XDEL', KEYS[1], e[1])
    local f = e[2]
    for i = 1, #f, 2 do
      if f[i] == ARGV[1] then f[i + 1] = f[i + 1]:sub(1, -2) .. string.char((f[i + 1]:byte(-1) + 1) % 256) end
      if ARGV[1] == 'unsigned' and f[i] == 'm' then f[i + 1] = '' end
    end
    if ARGV[1] == 'truncated' then f = { f[1], f[2], f[3], f[4] } end
    redis.call('XADD', KEYS[1], '*', unpack(f)) return 'ok']]
  expect.equal(server:cli("eval " .. broker.quote(script) .. " 1 " .. broker.quote(stream) .. " " .. field), "ok")
  worker = broker.worker(server, "jobs", "--slots 1 --lease 2 --secret-file " .. own)
  broker.eventually(field .. ": refused", function() return worker:said():find('"refused"') end)
  expect.truthy(not io.open(path), field .. ": it did not run")
  if not future:cancel() then expect.equal(future:successful(), false) end
  worker:kill("TERM")
  worker:wait()
end

-- a blob that is not what its name says
local named = broker.worker(server, "jobs", "--slots 1 --lease 2 --secret-file " .. own)
local function fresh() return "fresh" end
local future = pool:submit(fresh)
expect.equal(future:get(expect.HANG), "fresh")
named:kill("TERM")
named:wait()
for key in server:cli("--scan --pattern 'manymoons:{jobs}:f:*'"):gmatch("%S+") do
  server:cli("set " .. broker.quote(key) .. " Bgarbage")
end
future = pool:submit(fresh)
broker.worker(server, "jobs", "--slots 1 --lease 2 --secret-file " .. own)
ok, err = pcall(future.get, future, 30)
expect.equal(ok, false)
expect.truthy(err.message:find("not on the server"), err.message)
pool:terminate()

-- without a secret: functions of imported modules alone
expect.truthy(broker.run(broker.program .. " worker tcp://x --pool p"):find("redis://"), "a URL")
local text = broker.run("env -u HOME -u XDG_STATE_HOME " .. broker.program .. " worker " .. server.url .. " --pool p")
expect.truthy(text:find("without a secret"), text)
local open = assert(io.open(broker.file("open.lua"), "w"))
open:write([[
  local part = { twice = function(x) return x * 2 end }
  local M = setmetatable({ part = part, system = os, globals = _G }, { __index = _G })
  package.loaded["open.part"] = M.part
  return M
]])
open:close()
broker.worker(server, "plain", "--slots 1 --import string,math,open",
  "env -u HOME -u XDG_STATE_HOME LUA_PATH='" .. broker.file("?.lua") .. ";;'")
local setenv = [[env -u HOME -u XDG_STATE_HOME LUA_PATH="$LUA_PATH" ]]
local child = broker.file("child.lua")
local file = assert(io.open(child, "w"))
file:write([[
  local mm, expect = require "manymoons", require "expect"
  local p = mm.Pool{ broker = arg[1], name = "plain" }
  expect.equal(p:apply("string:upper", "a"), "A")
  expect.equal(p:map("math:sqrt", { 4, 9 }), { 2, 3 })
  local ok, err = pcall(p.apply, p, "os:execute", "true")
  expect.equal(ok, false)
  expect.truthy(err.message:find("may not import 'os'"), err.message)
  -- what a module inherits, or refers to, is none of its functions
  expect.equal(p:apply("open:part.twice", 4), 8)
  for _, path in ipairs{ "os.execute", "system.execute", "globals.os.execute", "load" } do
    ok, err = pcall(p.apply, p, "open:" .. path, "true")
    expect.truthy(not ok and err.message:find("has no function '" .. path .. "'", 1, true), tostring(err))
  end
  -- an argument brings nothing but data, so no function of a module meets an object that would connect somewhere
  local proxy = setmetatable({ ["\0id"] = 1, ["\0server"] = { address = "@nobody", token = "t" } }, mm._classes.Proxy)
  for _, value in ipairs{ proxy, string, setmetatable({}, string), print } do
    ok, err = pcall(p.apply, p, "string:format", "%s", value)
    expect.truthy(not ok and tostring(err.message):find("the bytes "), tostring(err))
  end
  expect.raises("only with a secret", p.apply, p, function() end)
  expect.raises("only with a secret", p.apply, p, "return 1")
  p:terminate()
  print("fine")
]])
file:close()
expect.equal(broker.run(setenv .. broker.program .. " " .. child .. " " .. server.url), "fine\n")
-- a file that others can read is no secret
broker.run("chmod 644 " .. own)
expect.raises("can be read by others", mm.Pool, { broker = server.url, name = "jobs", secret_file = own })
