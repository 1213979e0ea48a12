-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local block = mm.SharedMemory({ create = true, size = 64 })
expect.equal({ block.size, block:read(0, 4) }, { 64, "\0\0\0\0" })
expect.equal(block:write(10, "hello"), true)
expect.equal({ block:read(10, 5), #block:read(), block:read(60) }, { "hello", 64, "\0\0\0\0" })
expect.raises("SharedMemory:write: 5 bytes from offset 60 on are not within its 64", block.write, block, 60, "hello")
expect.raises("SharedMemory:read: offset: a whole number", block.read, block, -1)
expect.equal(type(block:pointer()), "userdata")

local other = mm.SharedMemory({ name = block.name })
expect.equal(other:read(10, 5), "hello")
other:write(10, "HELLO")
expect.equal(block:read(10, 5), "HELLO")
other:close()
expect.raises("SharedMemory:read: used after close", other.read, other, 0, 1)
expect.equal({ mm.SharedMemory({ name = block.name, create = true, size = 5 }) }, { nil, "EEXIST: File exists" })
expect.equal({ mm.SharedMemory({ name = "manymoons_has_none_such" }) }, { nil, "ENOENT: No such file or directory" })
expect.raises("SharedMemory: size: a number of bytes", mm.SharedMemory, { create = true })
expect.raises("SharedMemory: name: a name of a file", mm.SharedMemory, { name = "a/b" })
expect.raises("SharedMemory: unknown option 'nane'", mm.SharedMemory, { nane = "x" })
expect.raises("SharedMemory: name: the name of one that there is", mm.SharedMemory, {})

-- It travels.
local p = mm.Process(function(b) b:write(0, "worker") end, block)
p:start()
p:join()
expect.equal(block:read(0, 6), "worker")

expect.equal(block:unlink(), true)
expect.equal(block:read(0, 6), "worker", "who has it open keeps it")
expect.equal({ block:unlink() }, { nil, "ENOENT: No such file or directory" })
block:close()
block:close()
