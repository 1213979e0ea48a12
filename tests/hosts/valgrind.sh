# SPDX-License-Identifier: MIT
# variants: debug
# Ten thousand VMs, and workers, leak no byte.
set -eu
# state/hook_permission.c compares copies of a whole lua_State, with the bytes between its fields.
cat >suppressions <<'END'
{
  bytes between the fields of a lua_State
  Memcheck:Cond
  fun:find_place
}
END
check="valgrind -q --suppressions=suppressions --log-file=valgrind.log --leak-check=full --errors-for-leak-kinds=definite,indirect --error-exitcode=9"
$check "$MM_BUILD/tests/unit/state/test_vm.lua5.4" 10000 || { cat valgrind.log; exit 1; }
cat >workers.lua <<'END'
local mm = require "manymoons"
local q = mm.Queue()
for i = 1, 20 do
  local p = mm.Process(function(n) q:put({ n, { q } }) end, i)
  p:start()
  assert(q:get()[1] == i)
  p:join()
end
local pool = mm.Pool(2)
assert(#pool:map(function(x) return { x } end, { 1, 2, 3 }) == 3)
assert(not pcall(pool.apply, pool, error, "x"))
pool:close()
pool:join()
END
# The program keeps its shared memory until it ends, and valgrind looks through all of it: with little address space it is small.
ulimit -v 4000000
for world in serial interpreters; do # valgrind 3.19 has no pidfd_open: no process can be watched in it
  $check "$MM_BUILD/manymoons" --world $world workers.lua || { cat valgrind.log; exit 1; }
done
