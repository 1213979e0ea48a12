-- SPDX-License-Identifier: MIT
-- Diagnostics on stderr: failures that no call can return or raise.
local _, native = ...

local diagnostics = {}

-- What the program has put in the place of a standard file may be no file.
local function write(file, text)
  local kind = io.type and io.type(file)
  if kind == "file" then
    native.write_now(file, text)
  elseif file and not kind then
    if text ~= "" then file:write(text) else file:flush() end
  end
end

-- Writes a text to stderr, behind what stands in the buffer of stdout. It does not wait: a scheduler, and a finalizer,
-- have no task that could.
function diagnostics.write(text)
  write(io.stdout, "")
  write(io.stderr, text)
end

function diagnostics.report(text) diagnostics.write("manymoons: " .. text .. "\n") end

return diagnostics
