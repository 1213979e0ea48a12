-- SPDX-License-Identifier: MIT
-- The figures of a page that report.lua has written: those of the last commit, for `--quick`.
local page = {}

-- { [name of a row] = { [name of a contender] = { median, least, most } } }; nil: the machine that wrote it had none.
function page.figures(path)
  local rows, row = {}, nil
  for line in io.lines(path) do
    local name = line:match("^`([%w_-]+)`; ")
    if name then
      row = {}
      rows[name] = row
    end
    local contender, median, least, most = line:match("^| (.-) +| +([%d.]+) | +([%d.]+)%-([%d.]+) |")
    if row and contender then row[contender] = { tonumber(median), tonumber(least), tonumber(most) } end
  end
  return rows
end

return page
