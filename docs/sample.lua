-- SPDX-License-Identifier: MIT
-- The sample table of pages: `make docs` runs compare and puts what it prints between the markers of each page.
--
--   <!-- sample: made by make docs -->
--   <!-- end of sample -->
--
-- Figures of a machine that is busy with other things say nothing, so the pages then keep what they have.
--
-- Usage: manymoons docs/sample.lua PROGRAM PAGE…
local BEGIN, END = "<!-- sample: made by make docs -->\n", "<!-- end of sample -->"
local COMMAND = "compare --worlds serial,interpreters,processes scripts/primes.lua 100000000 100200000 1000000000000037"
local DOUBTS = { busy = true, short = true, few = true, idle = true }

local files = dofile("tests/support/files.lua")
local read, write = files.text_of, files.write
local json = require("manymoons")._require("core.json")

local function run(program)
  local report = os.tmpname()
  local pipe = assert(io.popen(program .. " " .. COMMAND:gsub("^compare", "%0 --json " .. report)))
  local printed = pipe:read("a")
  assert(pipe:close(), "compare failed")
  local found = json.decode(read(report))
  os.remove(report)
  return printed, found.verdict.kind
end

-- The page with another sample.
local function replace(page, sample)
  local text = read(page)
  local _, from = text:find(BEGIN, 1, true)
  local to = from and text:find(END, from, true)
  assert(to, page .. ": no place for a sample")
  write(page, text:sub(1, from) .. sample .. text:sub(to))
end

local printed, kind = run(arg[1])
if DOUBTS[kind] then
  print(printed:match("[^\n]*") .. ": the pages keep their sample")
  return
end
for i = 2, #arg do
  local prompt = arg[i] == "README.md" and "$ build/manymoons " or "$ manymoons "
  replace(arg[i], "```\n" .. prompt .. COMMAND .. "\n" .. printed .. "```\n")
end
