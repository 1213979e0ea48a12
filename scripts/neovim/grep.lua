-- SPDX-License-Identifier: MIT
-- A small Neovim plugin: `:Grep PATTERN [FOLDER]` searches a folder on all cores, in interpreters with Neovim's own
-- LuaJIT, and fills the quickfix list as results arrive. The editor does not freeze: the search is a task in its loop,
-- which says how far it is. `:GrepStop` ends it.
--
--     :luafile scripts/neovim/grep.lua       with package.cpath such that require "manymoons" finds it
-- luacheck: ignore vim
local mm = require("manymoons")
local uv = vim.uv or vim.loop

local BATCH, LINES_MAX = 64, 10000

-- Runs in a worker: returns the matching lines of some files, as { file, line number, text }, and the number of files.
local function grep(pattern, files)
  local found = { files = #files }
  for _, name in ipairs(files) do
    local file = io.open(name, "rb")
    local text = file and file:read("*a") or ""
    if file then file:close() end
    if text:find(pattern) and not text:find("%z") then
      local number = 0
      for line in text:gmatch("([^\n]*)\n?") do
        number = number + 1
        if line:find(pattern) then found[#found + 1] = { name, number, line } end
      end
    end
  end
  return found
end

-- Files below a folder, in batches. Hidden ones are left out.
local function batches(folder)
  return coroutine.wrap(function()
    local folders, batch = { folder }, {}
    while #folders > 0 do
      local here = table.remove(folders)
      local scan = uv.fs_scandir(here)
      while scan do
        local name, kind = uv.fs_scandir_next(scan)
        if not name then break end
        local path = here .. "/" .. name
        if kind == "directory" and name:sub(1, 1) ~= "." then folders[#folders + 1] = path end
        if kind == "file" and name:sub(1, 1) ~= "." then batch[#batch + 1] = path end
        if #batch == BATCH then
          coroutine.yield(batch)
          batch = {}
        end
      end
    end
    if #batch > 0 then coroutine.yield(batch) end
  end)
end

-- Says in the editor's last line how far the search is, ten times a second at most.
local function show_progress(state)
  if uv.now() - state.shown < 100 then return end
  state.shown = uv.now()
  local text = ("Grep: %d files, %d lines (:GrepStop)"):format(state.files, state.lines)
  mm.async.in_nvim(vim.api.nvim_echo, { { text } }, false, {})
end

local function search(pattern, folder, state)
  local pool = mm.interpreters.Pool({ workers = mm.cpu_count(), nice = 5 })
  state.pool = pool
  mm.async.in_nvim(vim.fn.setqflist, {}, " ", { title = "Grep " .. pattern })
  for found in pool:imap_unordered(function(files) return grep(pattern, files) end, batches(folder)) do
    local items = {}
    state.files = state.files + found.files
    for _, line in ipairs(found) do
      state.lines = state.lines + 1
      if state.lines <= LINES_MAX then items[#items + 1] = { filename = line[1], lnum = line[2], text = line[3] } end
    end
    if #items > 0 then mm.async.in_nvim(vim.fn.setqflist, {}, "a", { items = items }) end
    show_progress(state)
  end
end

local function search_or_say(pattern, folder, state, on_end)
  local ok, why = pcall(search, pattern, folder, state)
  if state.pool then state.pool:terminate() end -- also when the task is cancelled
  if not ok and why.kind == "cancelled" then error(why, 0) end
  if not ok then
    mm.async.in_nvim(vim.notify, "Grep: " .. tostring(why), vim.log.levels.ERROR)
  elseif on_end then
    mm.async.in_nvim(on_end, state.lines, state.files)
  end
end

local running -- the task of the search under way

local function stop()
  if running and not running:done() then
    running:cancel()
    return true
  end
  return false
end

-- Returns the task: task:cancel(), or :GrepStop, stops a search. A new one stops the one before.
local function start(pattern, folder, on_end)
  assert(pcall(string.find, "", pattern), "Grep: not a pattern of Lua: " .. pattern)
  stop()
  running = mm.async.spawn(search_or_say, pattern, folder or ".", { files = 0, lines = 0, shown = 0 }, on_end)
  return running
end

vim.api.nvim_create_user_command("Grep", function(args)
  start(args.fargs[1], args.fargs[2], function(lines, files) print(("%d lines in %d files"):format(lines, files)) end)
end, { nargs = "+", complete = "dir" })

vim.api.nvim_create_user_command("GrepStop", function()
  print(stop() and "Grep: stopped" or "Grep: nothing to stop")
end, {})

return { start = start, stop = stop }
