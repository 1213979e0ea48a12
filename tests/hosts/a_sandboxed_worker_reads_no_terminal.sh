#!/bin/sh
# SPDX-License-Identifier: MIT
# A sandboxed worker writes to the program's terminal, and reads nothing that is typed there; nor does it make the program's
# writes fail. Exit status 77: the kernel has no Landlock or no seccomp.
set -eu
cc -shared -fPIC -O1 -w -I/usr/include/lua5.4 "$MM_TOP/tests/support/escape.c" -o escape.so
cat >worker.lua <<'END'
package.cpath = "./?.so;" .. package.cpath
local mm = require "manymoons"
local escape = require "escape"
if mm._native.sandbox_obstacle(true) then os.exit(77) end
local function attempt()
  local O_NONBLOCK, F_SETFL = 2048, 4
  for fd = 1, 2 do
    local bytes = escape.buffer(16)
    local got, why = escape.call(escape.number("read"), fd, bytes, 16)
    if got then error("it read " .. escape.text(bytes, got)) end
    if not tostring(why):find("Bad file descriptor") then error(why) end
    escape.call(escape.number("fcntl"), fd, F_SETFL, O_NONBLOCK)
  end
  print("the worker prints")
  return "nothing was read"
end
for _, method in ipairs({ "forkserver", "spawn", "fork" }) do
  local pool = mm.processes.Pool({ workers = 1, sandbox = { read = { "." } }, method = method })
  print(method, pool:apply(attempt))
  pool:terminate()
end
local line = io.read("l")
local fd = escape.call(escape.number("fcntl"), 1, 3)
print("typed: " .. line, fd // 2048 % 2)
END
cat >terminal.py <<'END'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], [sys.argv[1], "worker.lua"])
os.write(terminal, b"a secret\n")
said = b""
while True:
    try: part = os.read(terminal, 4096)
    except OSError: break
    if not part: break
    said += part
sys.stdout.buffer.write(said.replace(b"\r", b""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
END
status=0
timeout 120 python3 terminal.py "$MM_BUILD/manymoons" >out || status=$?
[ $status -ne 77 ] || { echo SKIPPED; exit 77; }
[ $status -eq 0 ] && [ "$(grep -c 'nothing was read' out)" -eq 3 ] && [ "$(grep -c 'the worker prints' out)" -eq 3 ] &&
  grep -q "typed: a secret.*0" out || { cat out; exit 1; }
