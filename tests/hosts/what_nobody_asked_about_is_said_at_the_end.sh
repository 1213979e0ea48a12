#!/bin/bash
# SPDX-License-Identifier: MIT
# When the program ends, each failed call that nobody asked about is reported, once, and so is how many submitted calls
# were not run: in each world and host, however the program ends. What was asked about, cancelled or seen otherwise is not.
set -u
wrong=0

cat >script.lua <<'END'
local mm = require "manymoons"
local pool, kept, how = mm.Pool(1), {}, arg[1]
local function lose(text) error(text) end
local function keep(future) kept[#kept + 1] = future end
if how ~= "quiet" then
  keep(pool:submit(lose, "lost"))
  keep(pool:map_async(lose, { "in a list" }))
end
local asked = pool:submit(lose, "asked")
pcall(asked.get, asked)
keep(asked)
local waited = pool:submit(lose, "waited for")
waited:wait()
assert(not waited:successful())
keep(waited)
for future in mm.as_completed({ pool:submit(lose, "as completed") }) do
  pcall(future.get, future)
  keep(future)
end
keep(pool:apply_async(lose, { "called back" }, { error_callback = function() end }))
keep(pool:submit(tostring, "fine"))
pool:apply(tostring, 1)
if mm.current_world() ~= "serial" then
  local begun = mm.Queue()
  pool:submit(function(q)
    q:put(true)
    while true do mm.sleep(0.001) end
  end, begun)
  begun:get()
  for _ = 1, tonumber(arg[2]) do keep(pool:submit(tostring, "never")) end
  local cancelled = pool:submit(tostring, "cancelled")
  cancelled:cancel()
  keep(cancelled)
end
if how == "error" then error("the end") end
if how == "exit" then os.exit(0) end
if how == "closing exit" then os.exit(0, true) end
END

# says COUNT LINE: err has so many of these lines.
says() {
  [ "$(grep -c "^manymoons: $2\$" err)" = "$1" ] || {
    echo "$host, $world, $how, $not_run calls left: not $1 times '$2' in:"
    cat err
    wrong=1
  }
}

check() {
  timeout "${MM_HANG:-60}" "$@" script.lua "$how" "$not_run" >out 2>err
  local lost=1 left=$not_run
  [ "$how" != quiet ] || lost=0
  [ "$world" != serial ] || left=0
  says $lost 'a call of PoolWorker failed, and its result was never asked for: script.lua:3: lost'
  says $lost 'a call of PoolWorker failed, and its result was never asked for: script.lua:3: in a list'
  says 0 '.*\(asked$\|waited\|completed\|called back\).*'
  says $((left == 1)) '1 submitted call was not run: the program ended before'
  says $((left > 1)) "$left submitted calls were not run: the program ended before"
}

for world in serial async threads interpreters processes; do
  export MANYMOONS_WORLD=$world
  for host in manymoons lua5.4 lua5.3 lua5.1 luajit; do
    case $host in
      manymoons) set -- "$MM_BUILD/manymoons" ;;
      *)
        command -v $host >/dev/null || continue
        case $MM_BUILD in */asan | */tsan) continue ;; esac # the sanitizer would have to be in the host
        abi=${host#lua}
        [ $host != luajit ] || abi=5.1
        set -- env "LUA_CPATH=$MM_BUILD/lua/$abi/?.so;;" $host
        ;;
    esac
    for how in return exit; do not_run=3 check "$@"; done
    [ $host = manymoons ] || [ $host = lua5.4 ] || continue
    how=return not_run=1 check "$@"
    how=quiet not_run=0 check "$@"
    how=error not_run=2 check "$@"
    how="closing exit" not_run=2 check "$@"
  done
done
exit $wrong
