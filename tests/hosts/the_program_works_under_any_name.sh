#!/bin/sh
# SPDX-License-Identifier: MIT
# A copy of the program starts workers by each method, whatever it is called, and also when its file has been replaced or
# removed since; another program whose name begins like ours does too.
set -eu

cat >start.lua <<'END'
local mm = require("manymoons")
if arg[1] == "removed" then assert(os.remove(arg[2])) end
if arg[1] == "replaced" then
  assert(os.remove(arg[2]))
  assert(os.execute("cp /bin/true '" .. arg[2] .. "'"))
end
for _, method in ipairs({ "fork", "forkserver", "spawn" }) do
  local p = mm.processes.Process({ target = function() end, method = method })
  p:start()
  p:join()
  assert(p.exitcode == 0, method)
end
assert(mm.processes.Pool(1):apply(function() return 7 end) == 7)
assert(mm.processes.Pool({ workers = 1, nice = 1 }):apply(function() return 7 end) == 7)
END

for name in moons lua lua5.4 luajit game.bin manymoons-1.0; do
  cp "$MM_BUILD/manymoons" ./$name
  ./$name start.lua || echo "called $name"
done
for what in removed replaced; do
  cp "$MM_BUILD/manymoons" ./copy
  ./copy start.lua $what ./copy || echo "$what while it runs"
  rm -f ./copy
done

# A host that is no program of ours. (The sanitizer would have to be in the host.)
case $MM_BUILD in */asan) exit 0 ;; esac
[ -e "$MM_BUILD/lua/5.4/manymoons.so" ] && command -v lua5.4 >found || exit 0
cp "$(command -v lua5.4)" ./manymoons-x
LUA_CPATH="$MM_BUILD/lua/5.4/?.so;;" ./manymoons-x start.lua >out 2>&1 || grep -q "no library of the same version is installed" out || cat out
