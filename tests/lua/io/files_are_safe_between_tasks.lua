-- SPDX-License-Identifier: MIT
-- Two workers that use one file: lines stay whole, a read waits for the one before it, and a file that is closed
-- meanwhile is an error of the read. A read of a pipe keeps nobody else from running.
-- worlds: async threads
local mm = require "manymoons"
local expect = require "expect"

local function start(f, ...)
  local p = mm.Process(f, ...)
  p:start()
  return p
end

-- The reader gives its results by a queue.
local function reading(file, ...)
  local results = mm.Queue()
  start(function(...) results:put({ pcall(file.read, file, ...) }) end, ...)
  return function() return assert(results:get(expect.HANG)) end
end

local function fifo(name)
  assert(os.execute("mkfifo " .. name))
  return name
end

-- Opening a FIFO waits for its other end; both ends are of this program.
local name = fifo("one")
local ends = mm.Queue()
start(function() ends:put(assert(io.open(name, "w"))) end)
local input = assert(io.open(name))
local output = assert(ends:get(expect.HANG))
output:setvbuf("no")

-- A read waits; the writer, which runs beside it, ends the wait.
local result = reading(input, "*l")
mm.sleep(0.01)
output:write("first ")
mm.sleep(0.01)
output:write("line\nsecond")
expect.equal(result(), { true, "first line" })

-- Two readers of one file: each gets whole lines, in some order.
local a, b = reading(input, "*l"), reading(input, "*l", "*n")
mm.sleep(0.01)
for _, piece in ipairs{ " li", "ne\nthi", "rd line\n 12", "3.5 \n" } do
  output:write(piece)
  mm.sleep(0.005)
end
local first, second = a(), b()
if first[2] == "third line" then
  expect.equal(second, { true, "second line" }) -- the numeral is no beginning of a line
  expect.equal(input:read("*l"), " 123.5 ")
else
  expect.equal({ first, second }, { { true, "second line" }, { true, "third line", 123.5 } })
  expect.equal(input:read("*l"), " ")
end

-- A file that another one closes is an error of the call that uses it; the close succeeds.
result = reading(input, "*l")
mm.sleep(0.02)
expect.equal(input:close(), true)
local closed = result()
expect.equal(closed[1], false)
expect.truthy(tostring(closed[2]):find("attempt to use a closed file", 1, true), tostring(closed[2]))
expect.raises("attempt to use a closed file", input.read, input)
expect.equal(io.type(input), "closed file")

-- A writer that fills a pipe waits for the reader, which runs in this program, too.
local more = fifo("more")
local size = 300000
start(function()
  local file = assert(io.open(more, "w"))
  assert(file:write(("x"):rep(size), "\nend\n"))
  file:close()
end)
local count = 0
for line in io.lines(more) do
  count = count + #line
end
expect.equal(count, size + 3)

-- Many lines of many writers into one file: all whole.
local log = assert(io.open("log", "w"))
local writers = {}
for i = 1, 8 do
  writers[i] = start(function()
    for n = 1, 300 do
      log:write("writer ", i, " line ", n, " ", ("."):rep(n % 50), "\n")
      if n % 10 == 0 then mm.sleep(0) end
    end
  end)
end
for _, writer in ipairs(writers) do expect.equal(writer:join(expect.HANG), true) end
log:close()
local seen = 0
for line in io.lines("log") do
  local i, n, dots = line:match("^writer (%d) line (%d+) (%.*)$")
  expect.truthy(i and #dots == tonumber(n) % 50, line)
  seen = seen + 1
end
expect.equal(seen, 2400)

-- Closing from both sides at once, again and again.
for i = 1, 30 do
  local file = assert(io.open("log"))
  local readers = {}
  for k = 1, 3 do
    readers[k] = start(function()
      pcall(function()
        while file:read(7, "*l", "*n") do mm.sleep(0) end
      end)
    end)
  end
  if i % 2 == 0 then mm.sleep(0) end
  pcall(file.close, file)
  for _, reader in ipairs(readers) do reader:join(expect.HANG) end
end
