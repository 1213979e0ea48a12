#!/bin/sh
# SPDX-License-Identifier: MIT
# A listener without an address admits processes of its user alone, also when the peer is in another pid namespace and
# its pid says nothing.
set -eu
[ "$(id -u)" = 0 ] || exit 77
unshare --pid --fork true 2>/dev/null && command -v setpriv >/dev/null || exit 77
program=$(TMPDIR= mktemp -d /tmp/mm-peer.XXXXXX)
trap 'rm -rf "$program"' EXIT
chmod 755 "$program"
cp "$MM_BUILD/manymoons" "$program/manymoons" # where another user can run it
cat >"$program/client.lua" <<'END'
local c, why = require("manymoons").Client(arg[1], { timeout = 30 })
print(c and c:recv(30) or why)
END
cat >server.lua <<'END'
local mm = require "manymoons"
local program = arg[1]
local listener = assert(mm.Listener())
local function run(command)
  local said = mm.processes.Queue()
  local client = mm.processes.Process(function()
    local file = io.popen(command .. program .. "/manymoons " .. program .. "/client.lua " .. listener.address .. " 2>&1")
    said:put(file:read("*l"))
    file:close()
  end)
  client:start()
  local text
  while not text do
    local c = listener:accept(0.05)
    if c then c:send("admitted") end
    text = said:get(0)
  end
  client:join()
  return text
end
local text = run("unshare --pid --fork ")
assert(text == "admitted", text)
local other = "setpriv --reuid 65534 --clear-groups "
for _, command in ipairs({ other, "unshare --pid --fork " .. other }) do
  text = run(command)
  assert(text == "authentication failed", text)
end
END
timeout "${MM_HANG:-60}" "$MM_BUILD/manymoons" server.lua "$program"
