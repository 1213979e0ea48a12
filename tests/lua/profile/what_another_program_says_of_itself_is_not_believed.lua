-- SPDX-License-Identifier: MIT
-- hosts: manymoons
-- What `profile PID` and `stack PID` make of records that another program wrote: stacks that lead nowhere, or far,
-- states and functions that there are not, and sources that are no files. It ends, and what is no stack is left out.
local mm = require "manymoons"
local expect = require "expect"

local tree = mm._require("profile.tree")
local STATES = #tree.states

local function stack(parent, frame, state)
  local one = { parent, frame }
  for i = 1, STATES do one[2 + i] = 1000 end
  one[3 + STATES], one[4 + STATES], one[5 + STATES] = 1, 5, state or 1
  return one
end

local function root(name)
  local one = stack(0, 0)
  one.thread, one.vm, one.name, one.world = 1, 1, name, "processes"
  return one
end

local function frame(source, line, language) return { source, "f", line, line, language or 0 } end

local fifo = os.tmpname()
os.remove(fifo)
assert(os.execute("mkfifo " .. fifo))

local function process_of(frames, stacks) return { pid = 1, dropped = 0, frames = frames, stacks = stacks } end

local frames = {
  frame("@" .. fifo, 1), frame("@/dev/zero", 2), frame("@/", 3), frame("", -1, 77), frame("@\27[31m", 2 ^ 31),
}
local stacks = { root("a\27[2Jb") }
for i = 1, #frames do stacks[#stacks + 1] = stack(1, i, i * 100) end
stacks[#stacks + 1] = stack(1, 99) -- no such frame
stacks[#stacks + 1] = stack(#stacks + 5, 1) -- its caller comes later
stacks[#stacks + 1] = stack(12345, 1) -- or never
local shown = tree.present({ process_of(frames, stacks) })
expect.equal(#shown, 1)
expect.truthy(not shown[1].name:find("\27"), shown[1].name)
local profile = tree.read({ process_of(frames, stacks) }, { seconds = 1, rate = 100, command = "x" })
expect.equal({ #profile.threads, profile.samples }, { 1, 1 + #frames })
for _, f in ipairs(profile.functions) do expect.truthy(not (f.name .. f.file):find("\27"), f.file) end
os.remove(fifo)

-- A stack of a hundred thousand calls, each of which has been sampled: no program writes one.
local deep = { root("deep") }
for i = 1, 100000 do deep[#deep + 1] = stack(i, 1) end
profile = tree.read({ process_of({ frame("=x", 1) }, deep) }, { seconds = 1, rate = 100, command = "x" })
expect.equal(profile.samples, 1 + 200)
