-- SPDX-License-Identifier: MIT
-- `manymoons top [PID]`: shows a running program (top/look.lua), or the programs of this user, once a second.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local checks = require("core.checks")
local json = require("core.json")
local waits = require("core.waits")
local usage = require("terminal.usage")
local look = require("top.look")
local screen = require("top.screen")
local styles = require("terminal.style")
local text = require("top.text")

-- Seconds from one look to the next, and of these for samples of the stacks.
local EVERY, SAMPLED = 1, 0.25
-- Columns of a line where there is no terminal.
local WIDE = 1000
local USAGE = [[
usage: manymoons top [--once] [--json] [PID]
Shows the workers of a running program: the share of a processor and the memory of each, the call that it runs and for
how long, the function and the line, and which lock it waits for and who holds it; its queues, its locks, its memory.
PID is any process of the program; without one, the programs of this user are listed. The program is not stopped.
Keys: q ends, w c m b r a sort by worker, CPU, memory, busy share, rate of calls or age, space stops and goes on;
in the list the arrows choose and Enter opens, Backspace returns to the list. If the output is no terminal it is one
look, as text.
  --once   print one look and exit
  --json   print JSON, one line a second
]]

local function leave(code, words)
  if words then io.stderr:write("manymoons top: ", words, "\n") end
  os.exit(code)
end

local function refuse(words) usage.refuse("top", words) end

local function read_options(words)
  local options = {}
  for _, word in ipairs(words) do
    if word == "--once" or word == "--json" then
      options[word:sub(3)] = true
    elseif word == "--help" or word == "-h" then
      io.stdout:write(USAGE)
      leave(0)
    elseif word:find("^%d+$") and not options.pid then
      options.pid = checks.digits(word) or leave(1, "process " .. word .. ": no such process")
    else
      usage.refuse_word("top", word, USAGE)
    end
  end
  if options.json and not options.pid then refuse("which program? --json needs a PID") end
  return options
end

-- Looks ---------------------------------------------------------------------------------------------------------

-- pause(seconds) → a key, or nil. → a look, or nil and why; then the key.
local function sampled_look(pid, before, pause)
  local first, why = before, nil
  if not first then first, why = look.at(pid) end
  if not first then return nil, why end
  local generation, refusal = look.begin(pid)
  local key = pause(SAMPLED)
  local threads = generation and look.finish(pid, generation)
  local view
  view, why = look.at(pid, first, threads)
  if view and refusal then view.note = "no functions and lines: " .. refusal end
  return view, why, key
end

local function sleep(seconds) waits.sleep(seconds) end

local function print_lines(lines)
  io.stdout:write(table.concat(lines, "\n"), "\n")
  io.stdout:flush()
end

local function fail(pid, why) leave(1, ("process %d: %s"):format(pid, why)) end

local function print_once(pid)
  local view, why = sampled_look(pid, nil, sleep)
  if not view then fail(pid, why) end
  print_lines(text.program(view, native.process_command(pid) or "", text.orders[1], WIDE, styles.of(1), view.note))
end

-- What the tables show is no part of JSON but for the figures themselves.
local function print_json(view)
  view.by_thread, view.by_place, view.at = nil, nil, nil
  io.stdout:write(native.printable(json.encode(view), "json"), "\n")
  io.stdout:flush()
end

local function watch_json(options)
  local before
  while true do
    local view, why = sampled_look(options.pid, before, sleep)
    if not view and before then return io.stdout:write("the program has ended\n") end
    if not view then fail(options.pid, why) end
    before = { by_thread = view.by_thread, by_place = view.by_place, at = view.at }
    print_json(view)
    if options.once then return end
    sleep(EVERY - SAMPLED)
  end
end

-- The terminal --------------------------------------------------------------------------------------------------

-- The line of keys, as many as there is room for.
local function foot_of(keys)
  return function(columns)
    local style, parts, width = styles.of(1), {}, 0
    for _, key in ipairs(keys) do
      width = width + #key[1] + #key[2] + 3
      if width > columns then break end
      parts[#parts + 1] = style.title(key[1]) .. " " .. key[2]
    end
    return table.concat(parts, "  ")
  end
end

local function program_keys(state)
  local keys = { { "q", "quit" }, { "space", state.is_stopped and "go on" or "stop" } }
  if state.has_list then keys[#keys + 1] = { "back", "list" } end
  for _, order in ipairs(text.orders) do
    keys[#keys + 1] = { order.key, order == state.order and order.title:upper() or order.title }
  end
  return keys
end

local function order_of(key)
  for _, order in ipairs(text.orders) do
    if order.key == key then return order end
  end
end

local function draw_program(state)
  local _, columns = screen.size()
  screen.draw(text.program(state.view, state.command, state.order, columns, styles.of(1), state.view.note),
    foot_of(program_keys(state)))
end

-- Handles a key of the page of a program; true: the page ends.
local function press(state, key)
  if key == " " then state.is_stopped = not state.is_stopped end
  state.order = order_of(key) or state.order
  if key then draw_program(state) end
  return key == "q" or key == "Q" or (key == "back" and state.has_list)
end

-- → "q", "back", or what is to be said at the end.
local function watch_program(pid, has_list)
  local state = { order = text.orders[1], has_list = has_list, command = native.process_command(pid) or "" }
  while true do
    local key
    if state.is_stopped then
      key = screen.key(EVERY)
    else
      local view, why
      view, why, key = sampled_look(pid, state.view, screen.key)
      if not view and state.view then return "the program has ended" end
      if not view then return nil, why end
      state.view = view
      draw_program(state)
      if press(state, key) then return key end
      key = screen.key(EVERY - SAMPLED)
    end
    if press(state, key) then return key end
  end
end

local LIST_KEYS = { { "q", "quit" }, { "up down", "choose" }, { "enter", "open" } }

local function place_of(list, pid)
  for i, program in ipairs(list) do
    if program.pid == pid then return i end
  end
  return 1
end

-- → the PID of the program that is opened; nil: none is.
local function choose(pid, note)
  while true do
    local list = look.programs()
    local chosen = place_of(list, pid)
    local _, columns = screen.size()
    local lines = text.programs(list, chosen, columns, styles.of(1))
    if note then lines[#lines + 1] = styles.of(1).faint(note) end
    screen.draw(lines, foot_of(LIST_KEYS))
    local key = screen.key(EVERY)
    if key == "q" or key == "Q" then return nil end
    if key == "up" or key == "k" then chosen = math.max(1, chosen - 1) end
    if key == "down" or key == "j" then chosen = math.min(#list, chosen + 1) end
    pid = list[chosen] and list[chosen].pid
    if key == "enter" and pid then return pid end
  end
end

local function browse()
  local pid, note
  while true do
    pid = choose(pid, note)
    if not pid then return nil end
    local ending, why = watch_program(pid, true)
    if ending == "q" or ending == "Q" then return nil end
    note = why and ("process %d: %s"):format(pid, why) or ending ~= "back" and ending or nil
  end
end

local function on_screen(f, ...)
  screen.enter()
  local ok, ending, why = pcall(f, ...)
  screen.leave()
  if not ok then error(ending, 0) end
  return ending, why
end

local function print_list()
  print_lines(text.programs(look.programs(), nil, WIDE, styles.of(1)))
end

local options = read_options({ ... })
local is_screen = screen.is_there() and not options.once
if options.json then
  watch_json(options)
elseif not options.pid then
  if is_screen then on_screen(browse) else print_list() end
elseif is_screen then
  local ending, why = on_screen(watch_program, options.pid, false)
  if why then fail(options.pid, why) end
  if ending == "the program has ended" then io.stdout:write(ending, "\n") end
else
  print_once(options.pid)
end
leave(0)
