-- SPDX-License-Identifier: MIT
-- The site of the docs: `make site`. Stages what mkdocs reads below FOLDER/site-source, and has mkdocs write
-- FOLDER/site.
--
-- A page of the site is a page of the project, under the same path: README.md and all that it leads to. A
-- folder without a README.md gets a list of its files, and a source file that a page links becomes a page
-- with its text. The navigation is the list in README.md.
--
-- What GitHub and mkdocs read in different ways is staged as mkdocs reads it: anchors of headings, an empty
-- line before a list, "|" in the code of a table.
--
-- Usage: manymoons docs/site.lua FOLDER, at the top of the project.
local files = dofile("tests/support/files.lua")
local pages = dofile("docs/pages.lua")
local quote = pages.quote

local folder = assert(arg[1], "a folder expected")
local source = folder .. "/site-source"

local function run(command) assert(os.execute(command), command) end

local function write(path, text)
  run("mkdir -p " .. quote(path:match("^(.*)/")))
  files.write(path, text)
end

local is_file, is_folder = {}, {}
for _, path in ipairs(pages.lines_of("git ls-files")) do
  is_file[path] = true
  while path:find("/") do
    path = path:match("^(.*)/")
    is_folder[path] = true
  end
end

-- What stands for a target on the site: a page, or a file that is copied.
local function page_of(path)
  if is_folder[path] then return path .. "/README.md" end
  return (path:find("%.md$") or path:find("%.png$")) and path or path .. ".md"
end

-- "docs/how-to/cancel.md", "docs/explanation/trust.md" → "../explanation/trust.md"
local function relative(from, to)
  local up = ""
  local base = from:match("^(.*/)") or ""
  while to:sub(1, #base) ~= base do
    base = base:match("^(.*/)[^/]+/$") or ""
    up = up .. "../"
  end
  return up .. to:sub(#base + 1)
end

-- ---- texts ----

local function plain_bars(line)
  return (line:gsub("`[^`]*`", function(code) return (code:gsub("\\|", "|")) end))
end

-- mkdocs takes a list below a line of text for more text, and shows the "\" of "\|" in the code of a
-- table.
local function adapt(text)
  local before = ""
  return pages.map_lines(text, function(line)
    if line:find("^|") then line = plain_bars(line) end
    local starts = line:find("^%- ") or line:find("^%d+%. ")
    local goes_on = before == "" or before:find("^%- ") or before:find("^%d+%. ") or before:find("^ ")
    before = line
    return starts and not goes_on and "\n" .. line or line
  end)
end

local function stage_text(path, text, reach)
  text = pages.map_headings(text, function(marks, heading, anchor)
    return ("%s %s {#%s}"):format(marks, heading, anchor)
  end)
  text = pages.map_links(text, function(target)
    local to, anchor = pages.resolve(path, target)
    if not to then return nil end
    reach(to)
    if to == path then return nil end
    return relative(path, page_of(to)) .. (anchor and "#" .. anchor or "")
  end)
  return adapt(text)
end

-- What a file says of itself: its title, or the first sentence of its comment.
local function about(path)
  local text = pages.read(path)
  if path:find("%.md$") then return pages.title(text) end
  local comment = text:match("SPDX[^\n]*\n[-/* #]+([^\n]*)") or ""
  return (comment:match("^(.-[.:])%s") or comment):gsub("[.:]$", "")
end

local function list_of(path)
  local name = path:match("[^/]+$")
  local lines = { "# " .. name:sub(1, 1):upper() .. name:sub(2), "" }
  for _, file in ipairs(pages.lines_of("git ls-files " .. quote(path))) do
    lines[#lines + 1] = ("- [%s](%s): %s"):format(file:sub(#path + 2), file:sub(#path + 2), about(file))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function text_of(path)
  if is_folder[path] then
    return is_file[path .. "/README.md"] and pages.read(path .. "/README.md") or list_of(path)
  end
  local text = pages.read(path)
  if path:find("%.md$") then return text end
  return ("# %s\n\n``````\n%s\n``````\n"):format(path, (text:gsub("\n$", "")))
end

-- ---- the pages ----

local titles, waiting = {}, { "README.md" }
local reached = { ["README.md"] = true }

local function reach(path)
  path = is_folder[path] and path .. "/README.md" or path
  assert(is_file[path] or is_folder[path:match("^(.*)/README.md$")], path .. " is linked, and is not there")
  if reached[path] then return end
  reached[path] = true
  waiting[#waiting + 1] = path
end

local function stage(path)
  if path:find("%.png$") then return write(source .. "/pages/" .. path, pages.read(path)) end
  local text = text_of(is_file[path] and path or path:match("^(.*)/README.md$"))
  local page = page_of(path)
  titles[page] = pages.title(text)
  write(source .. "/pages/" .. page, stage_text(path, text, reach))
end

run("rm -rf " .. quote(source) .. " " .. quote(folder .. "/site"))
while #waiting > 0 do stage(table.remove(waiting)) end

-- ---- the navigation ----

local function yaml(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end

-- The list of README.md: a group for each line that ends with a colon, an entry for each page that a line
-- links as a whole.
local function navigation()
  local list = pages.read("README.md"):match("\n## Where to go next\n(.*)$"):gsub("\n## .*", "")
  local lines, seen = { "- " .. yaml("manymoons") .. ": README.md" }, {}
  for line in list:gmatch("[^\n]+") do
    local group = line:match("^(%u[%l ]+):$")
    if group then lines[#lines + 1] = "- " .. yaml(group) .. ":" end
    pages.map_links(line .. "\n", function(target)
      local path, anchor = pages.resolve("README.md", target)
      if not path or anchor or seen[path] then return end
      seen[path] = true
      lines[#lines + 1] = ("  - %s: %s"):format(yaml(titles[page_of(path)]), yaml(page_of(path)))
    end)
  end
  return table.concat(lines, "\n  ")
end

local here = pages.lines_of("pwd")[1]
write(source .. "/mkdocs.yml", ([[
site_name: manymoons
docs_dir: pages
site_dir: ../site
use_directory_urls: false
strict: true
plugins: []
theme: { name: null, custom_dir: %s }
markdown_extensions: [ attr_list, sane_lists ]
nav:
  %s
]]):format(yaml(here .. "/docs/site"), navigation()))
run("mkdocs --quiet build --config-file " .. quote(source .. "/mkdocs.yml"))
