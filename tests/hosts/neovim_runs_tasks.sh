#!/bin/sh
# SPDX-License-Identifier: MIT
# In Neovim async tasks run in the editor's loop: they run while the editor waits for keys, may call
# its functions (mm.async.in_nvim), and wait for its timers, for threads and for pools.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the host

cat >tasks.lua <<'END'
package.cpath = os.getenv("MM_BUILD") .. "/lua/5.1/?.so;" .. package.cpath
local mm = require("manymoons")
local uv = vim.uv or vim.loop
local async, said, ticks = mm.async, {}, 0
local function say(...) said[#said + 1] = table.concat({ ... }, " ") end
uv.new_timer():start(1, 1, function() ticks = ticks + 1 end)
async.spawn(function()
  vim.api.nvim_buf_set_lines(0, 0, -1, true, { "written by a task" })
  mm.sleep(0.05)
  say("the editor went on:", tostring(ticks > 1))
  local _, about = async.await(function(resume) uv.fs_stat("/proc/self/status", resume) end)
  say("a file system call:", about.type)
  say("a thread:", async.to_thread(function() return "worked" end))
  local pool = mm.interpreters.Pool(2)
  say("a pool:", pool:submit(function(x) return 2 * x end, 21):get())
  pool:close()
  pool:join()
  say("a coroutine in a task:", coroutine.wrap(function()
    mm.sleep(0.001)
    return "waited"
  end)())
  say("in the editor:", async.in_nvim(function(...) return vim.fn.line("$"), select("#", ...) end, nil, nil))
  local ok, why = pcall(async.in_nvim, vim.api.nvim_buf_get_lines, 99, 0, -1, true)
  say("its errors:", tostring(ok), (tostring(why):gsub("99", "N")))
  vim.schedule(function()
    say(vim.api.nvim_get_current_line())
    io.stdout:write(table.concat(said, "\n"), "\n")
    vim.cmd("qall!")
  end)
end)
say("the script returned")
END
timeout "${MM_HANG:-60}" nvim --headless -u NONE -c "luafile tasks.lua" >out 2>err </dev/null || { cat out err; exit 1; }
cat >expected <<'END'
the script returned
the editor went on: true
a file system call: file
a thread: worked
a pool: 42
a coroutine in a task: waited
in the editor: 1 2
its errors: false Invalid buffer id: N
written by a task
END
cmp -s expected out || diff expected out
cat err
