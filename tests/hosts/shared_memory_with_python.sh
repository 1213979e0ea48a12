#!/bin/sh
# SPDX-License-Identifier: MIT
# Python's multiprocessing.shared_memory and manymoons open each other's memory; no name of it is
# left.
set -eu
python=$(command -v /usr/bin/python3 || command -v python3)

cat >ours.lua <<'END'
local mm = require("manymoons")
local block = mm.SharedMemory({ create = true, size = 32 })
block:write(0, "from Lua")
local pipe = io.popen(arg[1] .. " theirs.py " .. block.name)
local said = pipe:read("*a")
pipe:close()
assert(said == "from Lua 32\n", said)
assert(block:read(8, 11) == "from Python", block:read())
io.open("name", "w"):write(block.name):close()
END
cat >theirs.py <<'END'
import sys
from multiprocessing import resource_tracker, shared_memory
block = shared_memory.SharedMemory(name=sys.argv[1])
resource_tracker.unregister(block._name, "shared_memory")  # Python before 3.13 removes at its end what it has opened
print(bytes(block.buf[:8]).decode(), block.size)
block.buf[8:19] = b"from Python"
block.close()
END
"$MM_BUILD/manymoons" ours.lua "$python"
if [ -e "/dev/shm/$(cat name)" ]; then
  echo "a name is left in /dev/shm"
  exit 1
fi

cat >guest.lua <<'END'
local mm = require("manymoons")
local block = assert(mm.SharedMemory({ name = arg[1] }))
assert(block:read(0, 5) == "hello" and block.size >= 16)
block:write(5, "world")
END
cat >host.py <<'END'
import subprocess, sys
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=16)
block.buf[:5] = b"hello"
subprocess.run([sys.argv[1], "guest.lua", block.name], check=True)
assert bytes(block.buf[:10]) == b"helloworld"
block.close()
block.unlink()
END
"$python" host.py "$MM_BUILD/manymoons"
