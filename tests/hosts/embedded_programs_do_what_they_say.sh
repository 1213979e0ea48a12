#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs of scripts/embed and scripts/love, built as users would build them, do what their
# first lines say: the game keeps running beside scripts that loop and use up memory, and the log
# analyser counts all lines, whatever its filters do.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the hosts

fail() {
  echo "$1"
  cat out err 2>/dev/null
  exit 1
}
embed=$MM_TOP/scripts/embed
build() { # NAME FLAGS…
  local name=$1
  shift
  cc -O2 -Wall -Wextra -Werror -I"$MM_TOP/bindings/c" "$embed/$name.c" "$@" -L"$MM_BUILD" -lmanymoons -Wl,-rpath,"$MM_BUILD" -o "$name" \
    >out 2>&1 || fail "$name does not build"
}

build quick_start
[ "$(./quick_start)" = 42 ] || fail "quick_start"

# The log analyser with one worker and two; a failing filter loses its part of the log alone.
build log_filter
awk 'BEGIN { for (i = 0; i < 60000; i++)
  printf "10.0.0.1 - - [24/Nov/2026:%02d:00:00 +0000] \"GET /p HTTP/1.1\" %d 17\n", i % 24, i % 10 ? 200 : 503; print "odd" }' >log
for vms in 1 2; do
  LOG_FILTER_VMS=$vms ./log_filter "$embed/by_status.lua" log log >out 2>err || fail "log_filter with $vms VMs"
  grep -q '^ *108000  status 200$' out && grep -q '^ *12000  status 503$' out && grep -q '^ *2  not understood$' out ||
    fail "log_filter with $vms VMs counts"
done
for filter in "function line() error('on purpose') end|on purpose" "function line() local t = {} while true do t[#t+1] = ('x'):rep(9e6) end end|memory" \
  "function line() os.exit() end|a nil value" "function oops(|expected"; do
  echo "${filter%%|*} function result() return {} end" >filter.lua
  [ "${filter##*|}" != expected ] || echo "function oops(" >filter.lua
  ./log_filter filter.lua log >out 2>err && fail "log_filter with $filter: exit status 0"
  grep -q "${filter##*|}" err || fail "log_filter with $filter says"
done

# The amount of work done during a number of frames depends on the machine: if it is too little, the
# game is run again with more frames.
# shows CONDITION: whether the table's line has the mode, the number of frames, and fulfils the awk
# condition.
shows() {
  awk -v mode=$mode -v frames=$frames "NR == 2 { ok = \$1 == mode && \$2 == frames && $1 } END { exit !ok }" out
}

# The game: frames, thoughts, stopped scripts, a picture.
build creatures $(pkg-config --cflags --libs sdl2) -lm
for mode in threads inline wait; do
  for frames in 90 360 1440; do
    CREATURES_SCRIPTS=$embed/ "$MM_TOP/tests/support/with-display" ./creatures $mode 120 $frames picture.bmp >out 2>err || fail "creatures $mode"
    ! shows '$7 > 20 && $8 > 0' || break
  done
  shows '$7 > 20 && $8 > 0' || fail "creatures $mode"
  [ "$(wc -c <picture.bmp)" -gt 1000000 ] || fail "no picture"
  rm picture.bmp
done

# The small game: the script that loops is stopped, and the frames go on.
build meadow $(pkg-config --cflags --libs sdl2)
"$MM_TOP/tests/support/with-display" ./meadow 40 picture.bmp >out 2>err || fail "meadow"
grep -q '^40 frames, [1-9]' out && grep -q '^lost 23: over its time limit: stopped at lost:1' err || fail "meadow says"
[ "$(wc -c <picture.bmp)" -gt 1000000 ] || fail "meadow: no picture"
rm picture.bmp

# The game for LÖVE, which goes through its ways of path finding by its keys.
finds() { awk 'NR > 1 && $6 > 10 { modes = modes $1 " " } END { exit modes != "pool thread here " }' out; }
for frames in 120 480 1920; do
  LUA_CPATH="$MM_BUILD/lua/5.1/?.so;;" SDL_AUDIODRIVER=dummy "$MM_TOP/tests/support/with-display" love "$MM_TOP/scripts/love" tour $frames picture.tga \
    >out 2>err || fail "love"
  ! finds || break
done
finds || fail "love finds"

# In the picture are the bar at the top with white text and the colours' meaning, and below it the walkers.
cat >look.lua <<'END'
local file = assert(io.open("picture.tga", "rb"))
local head, data = file:read(18), file:read("a")
local width, height, depth = head:byte(13) + 256 * head:byte(14), head:byte(15) + 256 * head:byte(16), head:byte(17) // 8
local is_upside_down = head:byte(18) & 0x20 == 0
-- How many pixels of the lines from y1 to y2 are like the colour.
local function count(y1, y2, red, green, blue)
  local n = 0
  for y = y1, y2 do
    local line = (is_upside_down and height - 1 - y or y) * width
    for x = 0, width - 1 do
      local b, g, r = data:byte((line + x) * depth + 1, (line + x) * depth + 3)
      if math.abs(r - red) < 24 and math.abs(g - green) < 24 and math.abs(b - blue) < 24 then n = n + 1 end
    end
  end
  return n
end
print(width, height, count(0, 23, 255, 255, 255) > 300, count(0, 23, 87, 181, 232) > 10, count(0, 23, 230, 158, 0) > 10,
  count(24, height - 1, 87, 181, 232) + count(24, height - 1, 230, 158, 0) > 300, count(24, height - 1, 64, 77, 102) > 10000)
END
"$MM_BUILD/manymoons" look.lua >out || fail "the picture is not one"
[ "$(xargs <out)" = "960 640 true true true true true" ] || fail "the picture of the game in LÖVE"

# The plugin for Neovim finds what grep finds, while the editor keeps running; a search that is stopped ends, and leaves no
# worker.
cat >search.lua <<'END'
package.cpath = os.getenv("MM_BUILD") .. "/lua/5.1/?.so;" .. package.cpath
local mm = require("manymoons")
local grep = dofile(os.getenv("MM_TOP") .. "/scripts/neovim/grep.lua")
local ticks, total = 0, nil
vim.loop.new_timer():start(1, 1, function() ticks = ticks + 1 end)
local stopped = grep.start("never found", os.getenv("MM_TOP"), function() error("it was stopped") end)
vim.wait(1, function() return false end, 1) -- it has begun, and cannot have ended
vim.cmd("GrepStop")
local hang = (tonumber(os.getenv("MM_HANG")) or 60) * 1000
vim.wait(hang, function() return stopped:done() and #mm.interpreters.active_children() == 0 end, 1)
grep.start("lua_State", os.getenv("MM_TOP") .. "/vm", function(n) total = n end)
vim.wait(hang, function() return total ~= nil end, 1)
local list = vim.fn.getqflist()
print(total, #list, ticks > 0, list[1] and list[1].lnum > 0 and list[1].text:find("lua_State") ~= nil,
  stopped:done(), #mm.interpreters.active_children())
END
export MM_BUILD MM_TOP
nvim --headless -u NONE -c "luafile search.lua" -c qa >out 2>&1 || fail "neovim"
wanted=$(grep -rIh --include='*.*' --include=LAYERS lua_State "$MM_TOP/vm" | wc -l)
grep -q "$wanted $wanted true true true 0" out || fail "Grep in neovim does not find $wanted lines, or does not stop"

# The processes of its VMs end with a program that is killed.
cat >killed.c <<'END'
#include <manymoons.h>
#include <signal.h>
#include <unistd.h>
int main(void) {
  mm_rt *rt;
  mm_vm *vm;
  mm_vm_config config;
  mm_vm_config_init(&config);
  config.where = MM_PROCESS;
  if (mm_rt_create(&rt, NULL) || mm_vm_create(rt, &vm, &config)) return 1;
  mm_eval(vm, NULL, "x", "while true do end", MM_ZERO, NULL);
  return kill(getpid(), SIGKILL);
}
END
cc killed.c -I"$MM_TOP/bindings/c" -L"$MM_BUILD" -lmanymoons -Wl,-rpath,"$MM_BUILD" -o killed
mark=MM_MARK=$$.embedded
env $mark ./killed >out 2>&1 && fail "killed: lives"
tries=0
while grep -lsz "^$mark\$" /proc/[0-9]*/environ >left 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 50 ] || fail "a killed program leaves processes"
  timeout 0.1 tail -f /dev/null || true
done
