-- SPDX-License-Identifier: MIT
-- How text on a terminal is painted: { strong, faint, good, doubt, wrong, title }, functions from text to text.
local _, native = ...

local style = {}

local function keep(line) return line end

local function painter(code)
  return function(line) return "\27[" .. code .. "m" .. line .. "\27[0m" end
end

style.plain = { strong = keep, faint = keep, good = keep, doubt = keep, wrong = keep, title = keep }

local coloured = { strong = painter("1"), faint = painter("2"), good = painter("32"), doubt = painter("33"),
  wrong = painter("31"), title = painter("7") }

-- For output to a descriptor: colours on a terminal, unless NO_COLOR says otherwise (no-color.org) or it has none.
function style.of(descriptor)
  local forbids = native.environment("NO_COLOR")
  if (forbids and forbids ~= "") or native.environment("TERM") == "dumb" then return style.plain end
  return native.is_terminal(descriptor) and coloured or style.plain
end

return style
