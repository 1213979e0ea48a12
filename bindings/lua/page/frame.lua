-- SPDX-License-Identifier: MIT
-- The frame of a page: one self-contained file that needs no network.
--
-- A frame is page/page/frame.html, in which {{NAME}} is replaced by a part: figures and words as HTML, which are
-- readable without JavaScript; styles, scripts and data inline. Text from outside (command lines, names, printed lines)
-- is escaped, and the JSON contains no "<", so that it cannot end its script element.
local require, native = ...

local json = require("core.json")

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
local OPENING = '<script type="application/json" id="data">'

local frame = { version = native.version }

function frame.escape(value) return (tostring(value):gsub("[&<>\"']", ENTITIES)) end

local escape = frame.escape

-- An embedded piece of HTML in which {{NAME}} is replaced by pieces.NAME.
function frame.fill(name, pieces) return (native.embedded(name):gsub("{{(%u+)}}", pieces)) end

-- A row: its first cell is its head, and says what the others are about.
local function render_row(cells)
  local out = {}
  for i, cell in ipairs(cells) do
    out[i] = (i == 1 and '<th scope="row">%s</th>' or "<td>%s</td>"):format(escape(cell))
  end
  return "<tr>" .. table.concat(out) .. "</tr>\n"
end

local function render_head(titles, meanings)
  local out = {}
  for i, title in ipairs(titles) do
    local meaning = meanings and (' title="%s"'):format(escape(meanings[i])) or ""
    out[i] = ('<th scope="col"%s>%s</th>'):format(meaning, escape(title))
  end
  return "<tr>" .. table.concat(out) .. "</tr>"
end

-- A table in a box that scrolls sideways, and can be scrolled with the keyboard. about: id, label (for readers of the
-- screen), class (nil: none), titles, meanings (an explanation for each title; nil: none); rows: lists of cells.
function frame.table(about, rows)
  local class = about.class and (' class="%s"'):format(about.class) or ""
  local out = { ('<div class="scroll" tabindex="0" role="region" aria-label="%s"><table id="%s"%s>\n<thead>'):format(
    escape(about.label), about.id, class), render_head(about.titles, about.meanings), "</thead>\n<tbody>\n" }
  for _, row in ipairs(rows) do out[#out + 1] = render_row(row) end
  out[#out + 1] = "</tbody></table></div>"
  return table.concat(out)
end

local function join_embedded(names)
  local out = {}
  for i, name in ipairs(names) do out[i] = native.embedded(name) end
  return table.concat(out, "\n")
end

-- A command line as it could be typed.
function frame.command_line(words)
  local out = {}
  for i, word in ipairs(words) do
    out[i] = word:find("[^%w%-%./_=,:@%%+]") and "'" .. word:gsub("'", [['\'']]) .. "'" or word
  end
  return table.concat(out, " ")
end

-- The page as text. page: program ("manymoons compare"), about ("worlds compared"), path (of the script), body and
-- footer (HTML), styles and scripts (names of embedded files), data (a table for the scripts).
function frame.render(page)
  return frame.fill("page_html", {
    PROGRAM = escape(page.program),
    TITLE = escape((page.path:match("([^/]*)$"))),
    ABOUT = escape(page.about),
    VERSION = escape(native.version),
    BODY = page.body,
    FOOTER = page.footer,
    STYLE = native.embedded("page_css") .. "\n" .. join_embedded(page.styles),
    SCRIPT = native.embedded("page_js") .. join_embedded(page.scripts),
    DATA = (json.encode(page.data):gsub("<", "\\u003c")),
  })
end

-- The data of a page that frame.render has made; nil: this is none.
function frame.data_of(text)
  local _, from = text:find(OPENING, 1, true)
  local to = from and text:find("</script>", from, true)
  return to and json.decode(text:sub(from + 1, to - 1)) or nil
end

return frame
