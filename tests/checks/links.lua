-- SPDX-License-Identifier: MIT
-- Links of pages: see the script beside this file. Usage: manymoons links.lua, at the top of a tree.
local pages = dofile("docs/pages.lua")

local wrong = false
local function complain(...)
  print(string.format(...))
  wrong = true
end

local all = pages.lines_of("find *.md docs vm bindings -name '*.md' | LC_ALL=C sort")
local exists = {}
for _, path in ipairs(pages.lines_of("find . -path ./build -prune -o -path ./.git -prune -o -print")) do
  exists[path:gsub("^%./", "")] = true
end
local anchors = setmetatable({}, {
  __index = function(self, page)
    self[page] = pages.anchors(pages.read(page))
    return self[page]
  end,
})

-- Where each page leads.
local leads_to = {}
for _, page in ipairs(all) do
  leads_to[page] = {}
  pages.map_links(pages.read(page), function(target, number)
    local path, anchor = pages.resolve(page, target)
    if not path then return nil end
    leads_to[page][path] = true
    if not exists[path] then
      complain("%s:%d: the link %s leads nowhere", page, number, target)
    elseif anchor and not (path:find("%.md$") and anchors[path][anchor]) then
      complain("%s:%d: %s has no heading for #%s", page, number, path, anchor)
    end
  end)
end

-- A reader finds each page of the manual in the list of README.md.
for _, page in ipairs(all) do
  local is_manual = page:find("^docs/") and not page:find("^docs/decisions/")
  if is_manual and not leads_to["README.md"][page] then complain("%s: README.md does not list it", page) end
end
os.exit(not wrong)
