-- SPDX-License-Identifier: MIT
-- The most frequent words of all texts below a directory.
--
--   manymoons scripts/wordcount.lua [directory] [megabytes]
--
-- The parent lists the files and divides them into batches of about equal size. A worker reads the files of a batch
-- itself, so that texts are not sent, and returns how often each word occurs in them. Files that are not
-- text (with a NUL in them) or compressed are left out. The script reads at most `megabytes` (default: 32).
--
-- The script checks itself: it counts the words of each file a second time in another way.
local mm = require("manymoons")

local MEGABYTE = 1e6
local BATCH_SIZE = MEGABYTE / 2
local SHOWN = 20

-- Bytes above 127 count as letters, so words in UTF-8 stay whole in any language.
local LETTER = "[A-Za-z\128-\255]"
local compressed = { gz = true, bz2 = true, xz = true, zst = true, zip = true, png = true, jpg = true, pdf = true }

local function fail(...)
  io.stderr:write("wordcount.lua: ", string.format(...), "\n")
  os.exit(1)
end

-- Files ------------------------------------------------------------------------------------------------------

-- A directory without read permission is left out, as with find.
local function list_with_lfs(lfs, directory, list)
  local readable, names, state = pcall(lfs.dir, directory)
  if not readable then return end
  for name in names, state do
    local path = directory .. "/" .. name
    local mode = lfs.symlinkattributes(path, "mode")
    if mode == "file" then
      list[#list + 1] = path
    elseif mode == "directory" and name ~= "." and name ~= ".." then
      list_with_lfs(lfs, path, list)
    end
  end
end

local function list_with_find(directory, list)
  local quoted = "'" .. directory:gsub("'", "'\\''") .. "'"
  local pipe = assert(io.popen("find " .. quoted .. " -type f -print0"))
  local names = pipe:read("*a")
  pipe:close()
  local from, to = 1, names:find("\0", 1, true)
  while to do
    list[#list + 1] = names:sub(from, to - 1)
    from = to + 1
    to = names:find("\0", from, true)
  end
end

-- The regular files below the directory, in a fixed order.
local function list_files(directory)
  local list = {}
  local has_lfs, lfs = pcall(require, "lfs")
  if has_lfs then
    list_with_lfs(lfs, directory, list)
  else
    list_with_find(directory, list)
  end
  table.sort(list)
  return list
end

local function file_size(path)
  local file = io.open(path, "rb")
  if not file then return 0 end
  local size = file:seek("end") or 0
  file:close()
  return size
end

-- Lists of files of BATCH_SIZE bytes each, or a little more; and their total size.
local function make_batches(files, limit)
  local batches, batch, batch_size, total = {}, {}, 0, 0
  for _, path in ipairs(files) do
    local is_wanted = total < limit and not compressed[path:match("%.(%w+)$") or ""]
    local size = is_wanted and file_size(path) or 0
    if size > 0 then
      batch[#batch + 1] = path
      batch_size, total = batch_size + size, total + size
    end
    if batch_size >= BATCH_SIZE then
      batches[#batches + 1] = batch
      batch, batch_size = {}, 0
    end
  end
  if #batch > 0 then batches[#batches + 1] = batch end
  return batches
end

-- Counting, on the workers -----------------------------------------------------------------------------------

local function read_text(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  if not text or text:find("\0", 1, true) then return nil end
  return text
end

local function count_words(text, counts)
  local words = 0
  for word in text:lower():gmatch(LETTER .. "+") do
    counts[word] = (counts[word] or 0) + 1
    words = words + 1
  end
  return words
end

-- A second way: a word starts where a letter follows something else.
local function count_starts(text)
  local _, starts = text:gsub("%f" .. LETTER, "")
  return starts
end

local function count_batch(paths)
  local result = { files = 0, bytes = 0, words = 0, starts = 0, counts = {} }
  for _, path in ipairs(paths) do
    local text = read_text(path)
    if text then
      result.files = result.files + 1
      result.bytes = result.bytes + #text
      result.words = result.words + count_words(text, result.counts)
      result.starts = result.starts + count_starts(text)
    end
  end
  return result
end

-- The answer -------------------------------------------------------------------------------------------------

local function merge(results)
  local all = { files = 0, bytes = 0, words = 0, starts = 0, counts = {} }
  for _, result in ipairs(results) do
    for _, name in ipairs({ "files", "bytes", "words", "starts" }) do all[name] = all[name] + result[name] end
    for word, count in pairs(result.counts) do all.counts[word] = (all.counts[word] or 0) + count end
  end
  return all
end

-- The most frequent words by falling count, words of equal count in alphabetical order; the number of different words;
-- and the sum of the counts. Sorting only words that may be shown saves most of the time in the parent.
local function rank(counts)
  local numbers, words, sum = {}, {}, 0
  for _, count in pairs(counts) do
    numbers[#numbers + 1] = count
    sum = sum + count
  end
  table.sort(numbers)
  local least = numbers[math.max(1, #numbers - SHOWN + 1)]
  for word, count in pairs(counts) do
    if count >= least then words[#words + 1] = word end
  end
  table.sort(words, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  return words, #numbers, sum
end

local function report(all)
  local words, different, sum = rank(all.counts)
  for i = 1, math.min(SHOWN, #words) do print(string.format("%8d  %s", all.counts[words[i]], words[i])) end
  print(string.format("%d words, %d of them different, in %d files of %d bytes", all.words, different, all.files,
    all.bytes))
  if all.words ~= all.starts or all.words ~= sum then
    fail("counted in other ways there are %d and %d words", all.starts, sum)
  end
end

local directory = arg[1] or "/usr/share/doc"
local limit = (tonumber(arg[2]) or 32) * MEGABYTE
local batches = make_batches(list_files(directory), limit)
if #batches == 0 then fail("no text below %s", directory) end

local pool = mm.Pool()
report(merge(pool:map(count_batch, batches)))
pool:close()
pool:join()
