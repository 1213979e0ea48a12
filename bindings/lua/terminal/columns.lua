-- SPDX-License-Identifier: MIT
-- How many columns a text in UTF-8 takes on a terminal: one for each character; and a text cut to its columns.
local columns = {}

-- Bytes that continue a character do not count.
function columns.of(text) return select(2, text:gsub("[^\128-\191]", "")) end

function columns.cut(text, most)
  local at, count = 1, 0
  while at <= #text do
    local next_at = text:find("[^\128-\191]", at + 1) or #text + 1
    if count == most then return text:sub(1, at - 1) end
    at, count = next_at, count + 1
  end
  return text
end

return columns
