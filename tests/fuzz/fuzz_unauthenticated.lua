-- SPDX-License-Identifier: MIT
-- The entries for holders of a key or a secret, with what others send: handshakes, frames, tasks and items of a broker.
-- The oracle: nothing of theirs is decoded as a peer's, nothing of theirs comes but data, and no Lua of theirs or of
-- the program's classes runs.
--
--   manymoons tests/fuzz/fuzz_unauthenticated.lua SECONDS [SEED]
local mm = require "manymoons"

local native, require = mm._native, mm._require
local seconds, seed = tonumber(arg[1]) or 1, tonumber(arg[2]) or os.time()
math.randomseed(seed)

local function check(is_right, what)
  if not is_right then error(what .. " (seed " .. seed .. ")", 2) end
end

-- Nothing here is decoded but as of a stranger. Before the rooms are loaded, which may keep the function.
local loads_from = native.loads_from
function native.loads_from(trust, bytes)
  check(trust == "stranger", "bytes were decoded as those of a " .. trust)
  return loads_from(trust, bytes)
end

local listener = require("net.listener")
local codec = require("broker.codec")
local run = require("broker.run")
local new_tasks = require("broker.tasks")

-- What must not happen -------------------------------------------------------------------------------

local ran
local function trap() ran = true end
local Trap = {}
for name in ("index newindex call gc close len eq tostring concat"):gmatch("%a+") do Trap["__" .. name] = trap end
package.loaded.traps = { Trap = Trap }
package.preload["traps.lazy"] = trap
mm.register("Trap", Trap)

local function check_data(value, seen)
  local kind = type(value)
  local is_data = kind ~= "function" and kind ~= "thread" and (kind ~= "userdata" or not getmetatable(value))
  check(is_data, "a " .. kind .. " came")
  if kind ~= "table" or seen[value] then return end
  check(getmetatable(value) == nil, "a metatable came")
  check(value ~= _G and value ~= package.loaded.traps and value ~= string, "a table of the program came")
  seen[value] = true
  for key, inner in next, value do
    check_data(key, seen)
    check_data(inner, seen)
  end
end

-- Bytes ----------------------------------------------------------------------------------------------

local function theirs() ran = true end
local plain_table, trapped = { __index = print }, setmetatable({}, Trap) -- kept, because it has a finalizer
local proxy = setmetatable({ ["\0id"] = 1, ["\0server"] = { address = "@x", token = "t" } }, mm._classes.Proxy)
local samples = {
  mm.dumps({ 1, "two", { x = { 3.5 } }, true, n = 2 }), mm.dumps({ theirs, n = 1 }), mm.dumps(theirs),
  mm.dumps({ trapped, n = 1 }), mm.dumps({ "%s %d %q", trapped, trapped, trapped, n = 4 }),
  mm.dumps({ package.loaded.traps.Trap, string, _G, n = 3 }),
  mm.dumps({ plain_table, setmetatable({}, plain_table), n = 2 }), mm.dumps({ os.execute, io.stdout, n = 2 }),
  mm.dumps({ proxy, n = 1 }),
}

local function mutate(text)
  for _ = 1, math.random(0, 4) do
    local at, how = math.random(1, #text + 1), math.random(4)
    if how == 1 then
      text = text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1)
    elseif how == 2 then
      text = text:sub(1, at - 1) .. text:sub(at + math.random(0, 8))
    elseif how == 3 then
      text = text:sub(1, at - 1) .. native.random_bytes(math.random(1, 16)) .. text:sub(at)
    else
      text = text:sub(1, at) .. text:sub(math.random(1, at))
    end
  end
  return text
end

local function sample() return mutate(samples[math.random(#samples)]) end

-- The entries ----------------------------------------------------------------------------------------

local entries = {}
local keyed = assert(mm.Listener(nil, { authkey = "the key" }))
local open = assert(mm.Listener(nil, { max_message = 1e6 }))
local proofs = {} -- of other connections

local function receive(stream, size)
  for _ = 1, 50 do
    local bytes, why = stream:receive(size, 0)
    if bytes or why ~= "timeout" then return bytes end
    listener.step(keyed)
  end
end

function entries.handshake()
  local stream = assert(native.socket_connect(keyed.address, 10))
  check(not keyed:accept(0), "a silent client was accepted")
  local greeting = receive(stream, 36)
  local proof = native.random_bytes(32) .. ("\0"):rep(32)
  if math.random(2) == 1 then proof = proofs[math.random(#proofs)] or proof end
  if math.random(2) == 1 then proof = greeting and greeting:sub(5) .. greeting:sub(5) or proof end
  proofs[math.random(16)] = proof
  stream:send(mutate(proof) .. listener.frame(0, sample()), 0)
  for _ = 1, 3 do check(not keyed:accept(0), "a client without the key was accepted") end
  stream:close()
  keyed:accept(0)
end

function entries.frames()
  local stream = assert(native.socket_connect(open.address, 10))
  open:accept(0)
  stream:send(native.random_bytes(32) .. ("\0"):rep(32), 0)
  local c
  for _ = 1, 50 do c = c or open:accept(0) end
  if c then
    for _ = 1, 5 do
      stream:send(math.random(4) == 1 and mutate(listener.frame(0, sample())) or listener.frame(0, sample()), 0)
      local ok, value = pcall(c.recv, c, 0)
      if ok then check_data(value, {}) end
    end
    c:close()
  end
  stream:close()
end

local function text_of(...)
  local choices = { ... }
  local text = choices[math.random(#choices)]
  return math.random(3) == 1 and mutate(text) or text
end

local function task_of_stranger()
  return {
    client = text_of("client-1"), seq = text_of("1"), func = text_of("n:string:format", "n:os:execute", "b:Breturn 1",
      "f:" .. ("0"):rep(64), "b:S" .. "error('ran')"), init = text_of("", "b:S" .. "error('ran')"), losses = 0, age = 0,
    flags = text_of("0 1 0 0 99999999999 0", "1 2 0 0 99999999999 0"), body = sample(), mac = native.random_bytes(32),
    id = "1-1",
  }
end

local function daemon(secrets, imports)
  local nothing = setmetatable({}, { __index = function() return function() end end })
  return new_tasks({
    name = "fuzz", name_of_pool = "jobs", session = nothing, secrets = secrets, imports = imports, lease = nothing,
    pool = setmetatable({}, { __index = function() error("a task went to the pool") end }), log = function() end,
    nack = function() end,
  })
end

function entries.signed_tasks()
  local tasks, task = daemon({ ("s"):rep(20) }), task_of_stranger()
  tasks:admit(task)
  check(task.state == "ending" and not task.is_trusted, "a task without a signature was admitted")
end

-- The body of a task that names an imported function.
function entries.unsigned_bodies()
  for mode = 0, 2 do
    local outcome = run.call({ func = "n:string:format", init = "", mode = mode, is_trusted = false }, sample())
    check(type(outcome) == "string", "an outcome is a text")
    local _, value = codec.decode_outcome(math.random(2) == 1 and mutate(outcome) or sample(), false)
    check(type(value) ~= "function", "a function came")
  end
  codec.decode_list(sample(), 2)
  codec.decode_outcome("e" .. sample(), false)
end

function entries.loads()
  local ok, value = pcall(mm.loads, sample())
  if ok then check_data(value, {}) end
end

local names = {}
for name in pairs(entries) do names[#names + 1] = name end
table.sort(names)
local ends = mm.time() + seconds
repeat
  for _, name in ipairs(names) do
    entries[name]()
    check(not ran, name .. ": Lua ran")
  end
until mm.time() >= ends
collectgarbage()
check(not ran and trapped, "a finalizer ran")
