-- SPDX-License-Identifier: MIT
-- The pages of the project as text: their links, and the anchors of their headings as GitHub makes
-- them. For docs/site.lua, tests/checks/links.lua and tests/checks/names.lua. Paths are relative to the top
-- of the project, which is the current directory.
local files = dofile("tests/support/files.lua")

local pages = {}

pages.read, pages.lines_of = files.text_of, files.lines_of

-- A single word for the shell.
function pages.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- f(line, number) for each line outside of code blocks; what it returns takes the line's place.
function pages.map_lines(text, f)
  local fence, number = nil, 0
  return (text:gsub("([^\n]*)\n", function(line)
    number = number + 1
    local mark = line:match("^%s*(```+)")
    if mark and not fence then
      fence = mark
    elseif mark and mark:sub(1, #fence) == fence then
      fence = nil
    elseif not fence then
      return (f(line, number) or line) .. "\n"
    end
  end))
end

-- f(part) for each part of a line that is outside of code spans; what it returns takes the part's place.
local function map_prose(line, f)
  local done, from = {}, 1
  while true do
    local first, last = line:find("`+", from)
    local mark = first and line:sub(first, last)
    local close = first and line:find(mark, last + 1, true)
    done[#done + 1] = f(line:sub(from, close and first - 1 or #line))
    if not close then return table.concat(done) end
    done[#done + 1] = line:sub(first, close + #mark - 1)
    from = close + #mark
  end
end

-- f(target, line number) for each link; a string that it returns takes the target's place.
function pages.map_links(text, f)
  return pages.map_lines(text, function(line, number)
    return map_prose(line, function(part)
      return (part:gsub("%]%(([^)%s]+)%)", function(target)
        local other = f(target, number)
        return other and "](" .. other .. ")"
      end))
    end)
  end)
end

-- What a heading says, without marks.
local function plain(heading) return (heading:gsub("%[([^%]]*)%]%([^)]*%)", "%1"):gsub("[`*]", "")) end

-- The anchor that GitHub gives a heading: small letters, no punctuation, "-" for each space.
local function anchor_of(heading)
  local text = plain(heading):lower()
  text = text:gsub("\xC3\x97", "") -- ×, amid the capital letters
  text = text:gsub("\xC3([\x80-\x9E])", function(byte) return "\xC3" .. string.char(byte:byte() + 32) end)
  return (text:gsub("\xE2[\x80\x81].", ""):gsub("[^%w%s_\x80-\xFF-]", ""):gsub(" ", "-"))
end

-- f(marks, heading, anchor) for each heading, as in "##"; a string that it returns takes the line's place.
function pages.map_headings(text, f)
  local counts = {}
  return pages.map_lines(text, function(line)
    local marks, heading = line:match("^(#+) +(.-)%s*$")
    if not marks then return nil end
    local anchor = anchor_of(heading)
    local count = counts[anchor]
    counts[anchor] = (count or 0) + 1
    return f(marks, heading, count and anchor .. "-" .. count or anchor)
  end)
end

-- The anchors of a page, as a set.
function pages.anchors(text)
  local anchors = {}
  pages.map_headings(text, function(_, _, anchor) anchors[anchor] = true end)
  return anchors
end

-- What the first heading says.
function pages.title(text) return plain(text:match("^# +([^\n]*)") or text:match("\n# +([^\n]*)") or "") end

-- "docs/how-to/cancel.md", "../explanation/trust.md#one-list" → "docs/explanation/trust.md", "one-list".
-- nil: the target is elsewhere.
function pages.resolve(page, target)
  if target:find("^%a[%w+.-]*:") then return nil end
  local path, anchor = target:match("^([^#]*)#?(.*)$")
  if anchor == "" then anchor = nil end
  if path == "" then return page, anchor end
  local parts = {}
  for part in ((page:match("^(.*)/") or ".") .. "/" .. path):gmatch("[^/]+") do
    if part == ".." and #parts > 0 then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return #parts == 0 and "." or table.concat(parts, "/"), anchor
end

return pages
