-- SPDX-License-Identifier: MIT
-- mm.Descriptor(fd): an open file in another worker, also one that no path leads to any more.
local mm = require "manymoons"
local expect = require "expect"

local path = os.tmpname()
local file = assert(io.open(path, "w+"))
os.remove(path)
local number = mm._native.descriptor_of(file)
local descriptor = mm.Descriptor(number)
expect.truthy(descriptor:fileno() ~= number, "a descriptor of its own")

local function append(d, text)
  local output = assert(io.open("/proc/self/fd/" .. d:fileno(), "a"))
  output:write(text)
  output:close()
end
local function contents()
  local input = assert(io.open("/proc/self/fd/" .. number))
  local text = input:read("*a")
  input:close()
  return text
end

append(descriptor, "here,")
local worker = mm.Process(append, descriptor, "process,")
worker:start()
expect.truthy(worker:join(expect.HANG))
expect.equal(worker.exitcode, 0)

-- Through a queue and a pool, many times, and back again.
local queue, pool = mm.Queue(), mm.Pool(1)
queue:put(descriptor)
append(queue:get(expect.HANG), "queue,")
for _ = 1, 50 do pool:apply(function(d) return d:fileno() end, descriptor) end
pool:apply(append, descriptor, "pool,")
append(pool:apply(function(d) return d end, descriptor), "back")
expect.equal(contents(), "here,process,queue,pool,back")
pool:terminate()

-- Its copy stays open when the original is closed; detach gives it away.
file:close()
local copy = mm.Descriptor(descriptor:fileno())
descriptor:close()
expect.raises("Descriptor: used after close", descriptor.fileno, descriptor)
local given = copy:detach()
expect.raises("Descriptor: used after close", copy.fileno, copy)
expect.truthy(given > 2)
expect.equal(select(2, mm.Descriptor(2 ^ 20 + 7)):match("^EBADF"), "EBADF")
expect.raises("Descriptor: the number of a descriptor expected, got %-1", mm.Descriptor, -1)
