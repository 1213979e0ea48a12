-- SPDX-License-Identifier: MIT
-- :checkhealth manymoons
-- luacheck: read globals vim
local health = vim.health or require("health")
local start, good = health.start or health.report_start, health.ok or health.report_ok
local warn, bad = health.warn or health.report_warn, health.error or health.report_error

local function check_worker(mm, world)
  local ok, answer = pcall(function()
    local pool = mm[world].Pool({ workers = 1 })
    local result = pool:apply(function() return _VERSION .. (jit and " (" .. jit.version .. ")" or "") end)
    pool:terminate()
    return result
  end)
  if ok then
    good(("%s: a worker answered, with %s"):format(world, answer))
  else
    bad(("%s: no worker answers: %s"):format(world, tostring(answer):match("[^\n]*")))
  end
end

local function check()
  start("manymoons: the module")
  local ok, mm = pcall(require, "manymoons")
  if not ok then
    bad("require('manymoons') fails: " .. tostring(mm):match("[^\n]*"), {
      "Put manymoons.so, that for Lua 5.1, into a folder lua/ of 'runtimepath', or its folder into package.cpath.",
      "`make nvim` in a checkout of manymoons makes such a folder: build/nvim.",
      ":help manymoons-install",
    })
    return
  end
  good(("version %s, in %s"):format(mm.version, jit and jit.version or _VERSION))
  if not jit then warn("this Neovim has no LuaJIT: loops in workers take longer") end
  start("manymoons: workers")
  check_worker(mm, "interpreters")
  check_worker(mm, "processes")
  good(("%d processors: mm.cpu_count()"):format(mm.cpu_count()))
  start("manymoons: tasks")
  if vim.in_fast_event() then warn("checked in a fast event") end
  local is_done = false
  local task = mm.async.spawn(function()
    mm.sleep(0.001)
    is_done = mm.async.in_nvim(function() return vim.fn.line("$") > 0 end)
  end)
  if vim.wait(5000, function() return is_done end, 1) then
    good("a task runs in the editor's loop, and mm.async.in_nvim calls the editor")
  else
    task:cancel()
    bad("a task did not run within 5 s")
  end
end

return { check = check }
