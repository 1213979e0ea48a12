#!/bin/sh
# SPDX-License-Identifier: MIT
# A check that finds nothing may look at nothing. In a copy of the tree each rule is broken, and its check has to say so.
set -eu
case $MM_BUILD in */release) ;; *) exit 0 ;; esac # the checks look at the objects of release

mkdir -p tree/tests/support tree/build/release
cp "$MM_TOP/tests/support/files.lua" tree/tests/support/
for part in vm bindings program packaging docs README.md Makefile LAYERS .luarc.json tests/checks; do
  cp -R "$MM_TOP/$part" "tree/${part%checks}"
done
ln -s "$MM_BUILD"/* tree/build/release/
cd tree
echo build >.gitignore
git init -q .
git add -A

# finds CHECK PATTERN…: the check fails, and prints a line for each pattern. Then the tree is whole again.
finds() {
  check=$1
  shift
  if "tests/checks/$check" >../said 2>&1; then echo "tests/checks/$check finds nothing"; fi
  for pattern; do
    grep -qe "$pattern" ../said || echo "tests/checks/$check does not say '$pattern'"
  done
  git checkout -q -- .
  git clean -fdq
}

echo '#include "shared/ring.h"' >>vm/base/bytes.h
echo '#include <unistd.h>' >>bindings/c/values/value.c
echo '#include <sys/epoll.h>' >>vm/os/clock.c
echo '-- io.open("/proc/self/stat")' >>bindings/lua/core/hex.lua
mkdir -p build/release/5.9/vm/base
echo 'int status_text(void), gettid(void), up(void); int up(void) { return status_text() + gettid(); }' >vm/base/up.c
cc -c vm/base/up.c -o build/release/5.9/vm/base/up.o
finds layers 'vm/base/bytes.h includes "shared/ring.h", which is above it' 'only vm/os includes this: bindings/c/values/value.c' \
  'only vm/os/linux includes this: vm/os/clock.c' 'only vm/os/linux knows this path: bindings/lua/core/hex.lua' \
  'vm/base/up.c needs status_text of vm/os/status_text.c' 'vm/base/up.c calls gettid'
rm -r build/release/5.9

echo '#include "base/two.h"' >vm/base/one.h
echo '#include "base/one.h"' >vm/base/two.h
finds circles 'vm/base/one.h includes "base/two.h"' 'vm/base/two.h includes "base/one.h"'

echo 'local two = require("pool.two")' >bindings/lua/pool/one.lua
echo 'local one = require("pool.one")' >bindings/lua/pool/two.lua
echo 'local one = require("pool.one")' >>bindings/lua/core/hex.lua
finds requires 'circle: .*pool.one -> pool.two\|circle: .*pool.two -> pool.one' "core.hex requires 'pool.one', whose room is above its own"

{
  echo '---@param other integer'
  echo '---@return manymoons.Nothing'
  echo 'function mm.nothing(one) end'
} >>bindings/lua/types.lua
sed -i 's/require/include/' packaging/addon/config.json
finds types "mm.nothing has the parameters (one), and @param names (other)" "no type 'manymoons.Nothing'" \
  'lua.md: no mm.nothing(one)' 'config.json: its words find no'

{
  echo '/* TO''DO: more */'
  echo '/* ---- a short rule ---- */'
  echo '/* One of the rules, and I1  is in the middle of its line. */'
  echo '/* See base/nowhere.c. */'
} >>vm/base/bytes.c
sed -i 1,2d vm/base/check.c
yes '/* a line */' | head -800 >>vm/base/memory.c
finds text 'vm/base/check.c: no SPDX line' 'vm/base/memory.c: .* lines' 'vm/base/bytes.c:.*TO''DO' \
  'a short rule.* 100 columns' 'an invariant in the middle' 'vm/base/bytes.c: its comment names base/nowhere.c'

{
  echo 'int longest(void) {'
  yes '  if (0) return 1;' | head -60
  echo '  return 0;'
  echo '}'
} >>vm/base/bytes.c
finds functions 'vm/base/bytes.c:.*: a function of 63 lines'

echo 'os.exit = print' >>bindings/lua/pool/map.lua
finds seams 'bindings/lua/pool/map.lua'

echo '#if LUA_VERSION_NUM >= 504' >>vm/state/encode.c
echo '#ifdef LUAJIT_VERSION' >>vm/state/vm_libraries.c
echo 'local command = "XADD key"' >>bindings/lua/pool/map.lua
echo 'local row = "serial"' >>bindings/lua/pool/map.lua
echo 'static const char kind[] = "RWLock";' >>bindings/lua/queues/queue.c
sed -i 's/"manymoons.async", //' bindings/lua/library.c
finds lists "ask for Lua's version: vm/state/encode.c" "ask for Lua's version: vm/state/vm_libraries.c" \
  'Redis server understands: bindings/lua/pool/map.lua' \
  'names a world: bindings/lua/pool/map.lua' 'name a kind of lock: bindings/lua/queues/queue.c' 'library.c lists other worlds'

sed -i 's/_VERSION ".*"/_VERSION "9.8.7"/' vm/base/version.h
echo 'local version = "9.8.7"' >>bindings/lua/core/hex.lua
finds version 'MM_VERSION_NUM says .* not .90807.' 'name of packaging/manymoons-' 'debian/changelog says' \
  'base/version.h alone: bindings/lua/core/hex.lua'

for number in $(seq 31); do : >"vm/wire/file$number.c"; done
rm bindings/lua/net/README.md
seq 16 >>bindings/c/README.md
finds rooms 'vm/wire: .* files' 'bindings/lua/net: no README.md' 'bindings/c/README.md: .* lines'

echo '[nowhere](nowhere.md) [no heading](trust.md#no-heading)' >>docs/explanation/death.md
echo '# New' >docs/how-to/new.md
finds links 'docs/explanation/death.md:.*: the link nowhere.md leads nowhere' 'trust.md has no heading for #no-heading' \
  'docs/how-to/new.md: README.md does not list it'

echo '| `Lock()` | `mm.Lok()`, `q:gett()` |' >>docs/how-to/from-python.md
finds names 'there is no mm.Lok' 'there is no q:gett'
