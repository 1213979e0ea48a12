-- SPDX-License-Identifier: MIT
-- Generates reference pages from sources: `make docs`. A check makes sure that they are up to date.
--
--   docs/reference/lua.md    from bindings/lua/types*.lua
--   docs/reference/c.md      from bindings/c/manymoons.h
--   docs/man/manymoons.3     likewise
--   docs/man/manymoons*.1    from what `manymoons --help` and its commands print, and docs/environment.lua
--   packaging/completions    from what they print
--
-- Usage: manymoons docs/generate.lua [FOLDER]: below FOLDER instead of here.
local folder = (arg[1] or ".") .. "/"

local function read_lines(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

local files = dofile("tests/support/files.lua")
local commands = dofile("docs/commands.lua")
local completions = dofile("docs/completions.lua")
local manuals = dofile("docs/manuals.lua")

local function write_text(path, text) files.write(folder .. path, text) end

local function write(path, lines)
  write_text(path, table.concat(lines, "\n") .. "\n")
end

-- Lua: blocks of `---` lines, each above a declaration -----------------------------------------------------------

-- "any[] the rest" → type, rest. A type has no space outside of brackets and quotes, but after "fun(…):" and around "|".
local function split_type(text)
  local depth, i = 0, 1
  while i <= #text do
    local c = text:sub(i, i)
    if c:find("[%(%[{<]") then depth = depth + 1 end
    if c:find("[%)%]}>]") then depth = depth - 1 end
    if c == " " and depth == 0 and not text:sub(1, i - 1):find("[:,]$") then break end
    i = i + 1
  end
  return text:sub(1, i - 1), (text:sub(i + 1):gsub("^# ", ""))
end

local function cell(text) return (text:gsub("|", "\\|")) end

-- The code blocks of a comment, and marks of the tests above them, are its example, which stands below the tables.
local function read_block(lines, i)
  local block = { text = {}, example = {}, params = {}, returns = {}, fields = {}, overloads = {} }
  local is_code = false
  while lines[i] and lines[i]:find("^%-%-%-") do
    local line = lines[i]:sub(4)
    local tag, rest = line:match("^@(%w+)%s*(.*)$")
    local is_fence = line:find("^```")
    if is_code or is_fence or line:find("^<!%-%- example: ") then
      table.insert(block.example, line)
      is_code = is_code ~= (is_fence ~= nil)
    elseif not tag then
      local last = block.last
      if last then last.text = last.text .. " " .. line else block.text[#block.text + 1] = line end
    elseif tag == "param" or tag == "field" then
      local name, more = rest:match("^(%S+) (.*)$")
      local kind, text = split_type(more)
      block.last = { name = name, kind = kind, text = text }
      table.insert(tag == "param" and block.params or block.fields, block.last)
    elseif tag == "return" then
      local kind, more = split_type(rest)
      local name, text = more:match("^([%a_][%w_]*) (.*)$")
      if not name then name, text = more:match("^(%.%.%.) (.*)$") end
      if rest:find("# ", 1, true) or not name then name, text = nil, more end
      if not name and more:find("^[%a_][%w_]*$") then name, text = more, "" end
      block.last = { name = name, kind = kind, text = text }
      table.insert(block.returns, block.last)
    elseif tag == "class" then
      block.class, block.base = rest:match("^([%w_.]+):?%s*([%w_.]*)")
    elseif tag == "overload" then
      table.insert(block.overloads, rest)
    elseif tag == "alias" then
      block.alias = rest
    end
    i = i + 1
  end
  return block, i
end

local function signature(declaration)
  return (declaration:gsub("^function ", ""):gsub("%s*end%s*$", ""))
end

local function add_rows(out, rows, head)
  if #rows == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = "| " .. head .. " | type | |"
  out[#out + 1] = "|---|---|---|"
  for _, row in ipairs(rows) do
    out[#out + 1] = ("| %s | `%s` | %s |"):format(row.name and "`" .. row.name .. "`" or "", cell(row.kind), cell(row.text))
  end
end

local function add_block(out, block, declaration)
  local text = table.concat(block.text, "\n")
  if block.class then
    out[#out + 1] = "\n## " .. block.class:gsub("^manymoons%.", "")
  elseif declaration:find("^function ") then
    out[#out + 1] = "\n### `" .. signature(declaration) .. "`"
  elseif block.alias then
    return
  end
  if text ~= "" then out[#out + 1] = "\n" .. text end
  add_rows(out, block.fields, "field")
  for _, overload in ipairs(block.overloads) do
    local options = overload:match("options: manymoons%.(%w+)")
    if options then out[#out + 1] = ("\nOr with one table of named arguments: [%s](#%s)."):format(options, options:lower()) end
  end
  add_rows(out, block.params, "argument")
  add_rows(out, block.returns, "returns")
  if block.example[1] then out[#out + 1] = "\n" .. table.concat(block.example, "\n") end
end

local function lua_reference()
  local out = {
    "# Lua reference", "",
    "Generated from [`bindings/lua/types*.lua`](../../bindings/lua/types.lua) by `make docs`. They are installed as an addon of lua-language-server:",
    "for completion in an editor, set `workspace.userThirdParty` to `[\"/usr/share/manymoons/addons\"]`, or `workspace.library` to",
    "`[\"/usr/share/manymoons/addons/manymoons/library\"]`. In a checkout, `.luarc.json` says where they are.", "",
    "Times are seconds. A call that fails for a reason outside of the script returns nil and a word; wrong use raises.", "",
    "The examples follow `local mm = require \"manymoons\"`, and the tests run them.", "",
    "<!-- examples: one script for each section -->",
  }
  for _, name in ipairs({ "types", "types_processes", "types_workers", "types_futures", "types_queues", "types_locks",
    "types_shared", "types_async", "types_broker" }) do
    local lines, i = read_lines("bindings/lua/" .. name .. ".lua"), 1
    while lines[i] do
      if lines[i]:find("^%-%-%-") and not lines[i]:find("^%-%-%-@meta") then
        local block
        block, i = read_block(lines, i)
        add_block(out, block, lines[i] or "")
      elseif lines[i]:find("^function ") then
        out[#out + 1] = "\n### `" .. signature(lines[i]) .. "`"
      end
      i = i + 1
    end
  end
  return out
end

-- C: sections, and in them comments with the declarations below ---------------------------------------------------

-- { title =, items = { { text = lines, code = lines } } } …, the head comment first, without a title.
local function read_header()
  local sections, item = { { title = nil, items = {} } }, nil
  local lines, i = read_lines("bindings/c/manymoons.h"), 2
  local function comment()
    local text = {}
    repeat
      local line = lines[i]:gsub("^/%* ?", ""):gsub("^ %* ?", ""):gsub("^/$", ""):gsub("%s*%*/$", "")
      text[#text + 1] = line
      i = i + 1
    until lines[i - 1]:find("%*/%s*$")
    return text
  end
  while lines[i] do
    local line = lines[i]
    local title = line:match("^/%* %-%-%-%- (.-) %-*%s*%*/$")
    if title then
      sections[#sections + 1] = { title = title, items = {} }
      item = nil
      i = i + 1
    elseif line == "/* clang-format off */" then
      i = i + 1
    elseif line:find("^/%*") then
      item = { text = comment(), code = {} }
      table.insert(sections[#sections].items, item)
      if #sections == 1 and #sections[1].items == 1 then item = nil end -- the head stands above nothing
    elseif line == "" then
      if item and #item.code > 0 then item = nil end
      i = i + 1
    elseif line:find("^#") or line:find('^extern "C"') or line == "}" then
      i = i + 1
    else
      if not item then
        item = { text = {}, code = {} }
        table.insert(sections[#sections].items, item)
      end
      item.code[#item.code + 1] = (line:gsub("^MM_API ", ""))
      i = i + 1
    end
  end
  return sections
end

-- Paragraphs of the head: indented lines are code, "- " lines a list.
local function c_reference(sections)
  local out = { "# C reference", "", "Generated from [`bindings/c/manymoons.h`](../../bindings/c/manymoons.h) by `make docs`.", "" }
  local is_code = false
  for _, line in ipairs(sections[1].items[1].text) do
    local is_indented = line:find("^    ") ~= nil
    if is_indented ~= is_code and (is_indented or line ~= "") then
      out[#out + 1] = is_indented and "```" or "```\n"
      is_code = is_indented
    end
    out[#out + 1] = is_code and line:sub(5) or (line:gsub("^ %- ", "- "):gsub("^RULES", "\nRules"))
  end
  for s, section in ipairs(sections) do
    out[#out + 1] = "\n## " .. (section.title or "types and configurations")
    for n, item in ipairs(section.items) do
      if not (s == 1 and n == 1) then
        out[#out + 1] = ""
        for _, line in ipairs(item.text) do out[#out + 1] = line end
        if #item.code > 0 then
          out[#out + 1] = "\n```c"
          for _, line in ipairs(item.code) do out[#out + 1] = line end
          out[#out + 1] = "```"
        end
      end
    end
  end
  return out
end

local function roff(line)
  line = line:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (line:gsub("^([.'])", "\\&%1"))
end

local function c_manual(sections)
  local out = {
    ".TH MANYMOONS 3 2026 manymoons Library", ".SH NAME", "manymoons \\- many Lua VMs in one C or C++ program", ".SH SYNOPSIS",
    ".nf", "#include <manymoons.h>", "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs manymoons)", ".fi", ".SH DESCRIPTION",
  }
  local function add_text(text)
    out[#out + 1] = ".nf"
    for _, line in ipairs(text) do out[#out + 1] = roff(line) end
    out[#out + 1] = ".fi"
  end
  add_text(sections[1].items[1].text)
  for s, section in ipairs(sections) do
    out[#out + 1] = ".SH " .. (section.title or "types and configurations"):upper()
    for n, item in ipairs(section.items) do
      if not (s == 1 and n == 1) then
        out[#out + 1] = ".PP"
        if #item.code > 0 then add_text(item.code) end
        if #item.text > 0 then
          out[#out + 1] = ".RS"
          for _, line in ipairs(item.text) do out[#out + 1] = roff(line) end
          out[#out + 1] = ".RE"
        end
      end
    end
  end
  out[#out + 1] = ".SH SEE ALSO"
  out[#out + 1] = ".BR manymoons (1)"
  return out
end

local header = read_header()
write("docs/reference/lua.md", lua_reference())
write("docs/reference/c.md", c_reference(header))
write("docs/man/manymoons.3", c_manual(header))

manuals.check()
local list = commands.read(arg[-1])
write("docs/man/manymoons.1", manuals.renew(read_lines("docs/man/manymoons.1"), list))
for name, lines in pairs(manuals.of_commands(list)) do write("docs/man/" .. name, lines) end
write_text("packaging/completions/manymoons.bash", completions.bash(list))
write_text("packaging/completions/_manymoons", completions.zsh(list))
write_text("packaging/completions/manymoons.fish", completions.fish(list))
