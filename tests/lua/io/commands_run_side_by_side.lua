-- SPDX-License-Identifier: MIT
-- Ten workers of a pool run commands by os.execute and by io.popen: each command waits until all ten have begun, so it
-- ends only where no call keeps the other workers from theirs.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local COUNT = 10
local COMMAND = "touch begun.%s.%d; until [ $(ls begun.%s.* | wc -l) -ge %d ]; do sleep 0.02; done; exit %d"

local function command_of(name, i) return COMMAND:format(name, i, name, COUNT, i % 3) end

local function execute(i)
  local first, what, code = os.execute(command_of("execute", i))
  if type(first) == "number" then return "exit", first / 256 end -- Lua 5.1
  return what, code
end

local function read(i)
  local pipe = assert(io.popen("trap 'echo ended' EXIT; " .. command_of("popen", i)))
  local line, rest = pipe:read("*l"), pipe:read("*a")
  local first, what, code = pipe:close()
  if first == true and not what then what, code = "exit", i % 3 end -- Lua 5.1 tells nothing
  return line, rest, what, code
end

local function write(i)
  local pipe = assert(io.popen("read -r word; echo $word >out." .. i .. "; " .. command_of("write", i), "w"))
  assert(pipe:write("word ", i, "\n"))
  pipe:close()
  local file = assert(io.open("out." .. i))
  local text = file:read("*a")
  file:close()
  return text
end

local pool = mm.Pool(COUNT)

local function each(f, wanted)
  local tasks = {}
  for i = 1, COUNT do tasks[i] = pool:submit(f, i) end
  for i, task in ipairs(tasks) do expect.equal({ task:get(expect.HANG) }, wanted(i), i) end
end

each(execute, function(i) return { "exit", i % 3 } end)
each(read, function(i) return { "ended", "", "exit", i % 3 } end)
each(write, function(i) return { "word " .. i .. "\n" } end)
pool:close()
pool:join()
