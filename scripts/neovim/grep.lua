-- SPDX-License-Identifier: MIT
-- A small Neovim plugin: `:Grep PATTERN [FOLDER]` searches a folder on all cores, in interpreters with Neovim's own
-- LuaJIT, and fills the quickfix list as results arrive. The editor does not freeze: the search is a task in its loop.
--
--     :luafile scripts/neovim/grep.lua       with package.cpath such that require "manymoons" finds it
-- luacheck: ignore vim
local mm = require("manymoons")
local uv = vim.uv or vim.loop

local BATCH, LINES_MAX = 64, 10000

-- Runs in a worker: returns the matching lines of some files, as { file, line number, text }.
local function grep(pattern, files)
  local found = {}
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

-- Most of Neovim's functions may not be called from its event loop, where tasks run: this switches to the main loop.
local function in_editor(f, ...)
  local args = { ... }
  return mm.async.await(function(resume)
    vim.schedule(function() resume(f(unpack(args))) end)
  end)
end

local function search(pattern, folder, on_end)
  local pool, total = mm.interpreters.Pool({ workers = mm.cpu_count(), nice = 10 }), 0
  in_editor(vim.fn.setqflist, {}, " ", { title = "Grep " .. pattern })
  for found in pool:imap_unordered(function(files) return grep(pattern, files) end, batches(folder)) do
    local items = {}
    for _, line in ipairs(found) do
      total = total + 1
      if total <= LINES_MAX then items[#items + 1] = { filename = line[1], lnum = line[2], text = line[3] } end
    end
    if #items > 0 then in_editor(vim.fn.setqflist, {}, "a", { items = items }) end
  end
  pool:close()
  pool:join()
  if on_end then in_editor(on_end, total) end
end

local function search_or_say(...)
  local ok, why = pcall(search, ...)
  if not ok then in_editor(vim.notify, "Grep: " .. tostring(why), vim.log.levels.ERROR) end
end

-- Returns the task: task:cancel() stops a search.
local function start(pattern, folder, on_end)
  assert(pcall(string.find, "", pattern), "Grep: not a pattern of Lua: " .. pattern)
  return mm.async.spawn(search_or_say, pattern, folder or ".", on_end)
end

vim.api.nvim_create_user_command("Grep", function(args)
  start(args.fargs[1], args.fargs[2], function(total) print(total .. " lines") end)
end, { nargs = "+", complete = "dir" })

return { start = start }
