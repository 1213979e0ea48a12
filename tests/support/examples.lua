-- SPDX-License-Identifier: MIT
-- The code blocks of a page, run. Usage: manymoons examples.lua PAGE.md, in an empty directory, with MM_BUILD, MM_TOP.
--
-- ```lua blocks are scripts; the block without a language after one is its expected output. All blocks
-- behind the comment <!-- examples: one script --> are one script, up to the next such comment, and
-- those after a `pool:close()` are moved before it. With <!-- examples: one script for each section --> one
-- process runs the blocks below a heading `##` one after the other, each with `mm`; what it prints names the
-- headings above them. ```c blocks with a main are compiled, linked and run; others are compiled as the body
-- of a function with rt, vm and job. A block after <!-- example: not run --> is not run.
local page = arg[1]
local build, top = os.getenv("MM_BUILD"), os.getenv("MM_TOP")
local files = dofile(top .. "/tests/support/files.lua")
local read, write = files.text_of, files.write

local function fail(block, what)
  print(("%s:%d: %s"):format(page, block.line, what))
  os.exit(1)
end

local function read_blocks(text)
  local blocks, block, number, said, section, heading, script = {}, nil, 0, nil, nil, nil, 0
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    local fence = line:match("^```(.*)$")
    if fence and not block then
      block = { language = fence, line = number, lines = {}, said = said, script = script }
      block.section, block.heading = section, heading
      said = nil
    elseif fence then
      block.text = table.concat(block.lines, "\n") .. "\n"
      blocks[#blocks + 1] = block
      block = nil
    elseif block then
      table.insert(block.lines, line)
    else
      heading = line:match("^##+ (.*)$") or heading
      section = line:match("^## (.*)$") or section
      if line == "<!-- examples: one script -->" then script = script + 1 end
      said = line:match("^<!%-%- example: (.-) %-%->$") or (line ~= "" and nil) or said
    end
  end
  return blocks
end

-- The expected output of a block without a language: all of it, or the lines after the command.
local function output_of(block)
  if not block or block.language ~= "" or block.said then return nil end
  local first, rest = block.text:match("^([^\n]*)\n(.*)$")
  if first:find("^%$ build/manymoons [%w_]+%.lua$") then return rest, first:match("([%w_]+%.lua)$") end
  return not first:find("^%$") and block.text or nil
end

-- The number of the worker is random; the rate and the time of a loop differ, and so do a speed-up and the line of a
-- pool's bar.
local function plain(text)
  text = text:gsub("PoolWorker%-%d", "PoolWorker-N"):gsub("(%d+/%d+)  [%w.][%w. ]*/s  in [%d.]+ s", "%1  N/s  in N s")
  text = text:gsub("%w+: %d+/%d+  N/s  in N s  workers %d+ %% busy\n", "")
  text = text:gsub("%d+%.%d+ times as fast", "N.NN times as fast")
  return (text:gsub("(stopped after) [%d.]+ s", "%1 N s"))
end

local function run(block, command, wanted)
  local status = select(3, os.execute(command .. " >out 2>&1"))
  local said = read("out")
  if status ~= 0 then fail(block, "exit status " .. tostring(status) .. "\n" .. said) end
  if wanted and plain(said) ~= plain(wanted) then
    fail(block, "prints\n" .. said .. "where the page says\n" .. wanted)
  end
end

local function run_lua(block, text, name, wanted)
  write(name, text)
  run(block, build .. "/manymoons " .. name, wanted)
end

local function one_script(blocks, number)
  local script, outputs, name, first = "", "", "page.lua", nil
  for i, block in ipairs(blocks) do
    if block.script == number and block.language == "lua" and not block.said then
      first = first or block
      local close = script:find("\npool:close()", 1, true)
      script = close and script:sub(1, close) .. block.text .. script:sub(close + 1) or script .. block.text
      local output, file = output_of(blocks[i + 1])
      outputs, name = outputs .. (output or ""), file or name
    end
  end
  run_lua(first, script, name, outputs)
end

-- Prints the name of each example above the example's own output, so that the last name is that of an example which
-- ends the process.
local run_example = [[
io.stdout:setvbuf("line")
local failed = false
local function example(heading, line, text)
  print(heading)
  local head = ("\n"):rep(line) .. 'local mm = require "manymoons" '
  local is_ok, why = xpcall(assert(load(head .. text, "@%s")), debug.traceback)
  failed = failed or not is_ok
  if not is_ok then print(why) end
  collectgarbage() -- what an example leaves behind ends here, and reports below its name
  collectgarbage()
end
]]

local function script_for_each_section(blocks)
  local i = 1
  while blocks[i] do
    local first, script, wanted = blocks[i], run_example:format(page), ""
    while blocks[i] and blocks[i].section == first.section do
      local block = blocks[i]
      if block.language == "lua" and not block.said then
        script = script .. ("example(%q, %d, %q)\n"):format(block.heading, block.line, block.text)
        wanted = wanted .. block.heading .. "\n" .. (output_of(blocks[i + 1]) or "")
      end
      i = i + 1
    end
    run_lua(first, script .. "assert(not failed)\n", "section.lua", wanted)
  end
end

local fragment = [[
#include <manymoons.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
struct lua_State;
void fragment(mm_rt *rt, mm_vm *vm, mm_job *job);
void fragment(mm_rt *rt, mm_vm *vm, mm_job *job) {
  (void)rt, (void)vm, (void)job;
%s}
]]

local function run_c(block, wanted)
  local has_main = block.text:find("int main")
  write("example.c", has_main and block.text or (fragment:gsub("%%s", function() return block.text end)))
  local compile = "cc -std=c99 -D_GNU_SOURCE -Wall -Werror -Wno-unused -I" .. top .. "/bindings/c example.c "
  local link = ("-L%s -lmanymoons -Wl,-rpath,%s -o example"):format(build, build)
  run(block, compile .. (has_main and link or "-fsyntax-only"))
  if has_main then run(block, "./example", wanted) end
end

local text = read(page)
local blocks = read_blocks(text .. "\n")
local way = text:match("<!%-%- examples: (.-) %-%->")
if way == "one script" then
  for number = 1, blocks[#blocks].script do one_script(blocks, number) end
end
if way == "one script for each section" then script_for_each_section(blocks) end
for i, block in ipairs(blocks) do
  if block.language == "c" and not block.said then run_c(block, (output_of(blocks[i + 1]))) end
  if block.language == "lua" and not block.said and not way then
    local wanted, name = output_of(blocks[i + 1])
    run_lua(block, block.text, name or "example.lua", wanted)
  end
end
