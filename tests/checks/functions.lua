-- SPDX-License-Identifier: MIT
-- Prints each function of C, Lua or JavaScript with more than 60 lines; fails if there is one.
-- Usage: manymoons functions.lua FILE…
--
-- A function goes from the line of its name to the line that closes it. It counts whole, with its
-- comments and the functions inside it. One is free: the `(() => { … })()` around a whole script.
-- C has the format that tests/checks/format demands: a function starts and ends in column 1.
local MOST = 60

local wrong = false

local function report(path, first, last)
  local lines = last - first + 1
  if lines <= MOST then return end
  print(string.format("%s:%d: a function of %d lines; %d is the most", path, first, lines, MOST))
  wrong = true
end

-- Comments and strings as spaces, so that lines stay where they are.
local function blank(piece) return (piece:gsub("[^\n]", " ")) end

-- `skip(text, at)` is where the comment or string ends that starts at `at`, or nil where none starts.
local function code_of(text, starts, skip)
  local out, at = {}, 1
  while true do
    local start = text:find(starts, at)
    if not start then break end
    local stop = skip(text, start)
    out[#out + 1] = text:sub(at, start - 1)
    out[#out + 1] = stop and blank(text:sub(start, stop)) or text:sub(start, start)
    at = (stop or start) + 1
  end
  return table.concat(out) .. text:sub(at)
end

local function skip_quoted(text, at)
  local quote, pos = text:sub(at, at), at + 1
  while pos <= #text do
    local char = text:sub(pos, pos)
    if char == quote then return pos end
    pos = pos + (char == "\\" and 2 or 1)
  end
  return #text
end

local function skip_to(text, pattern, at)
  local _, stop = text:find(pattern, at)
  return stop or #text
end

-- Calls visit(token, line, position behind it) for each word, number, arrow and other character.
local function each_token(code, visit)
  local at, line = 1, 1
  while true do
    local start, stop = code:find("%S", at)
    if not start then return end
    local _, word = code:find("^[%w_$]+", start)
    local _, arrow = code:find("^=>", start)
    stop = word or arrow or stop
    line = line + select(2, code:sub(at, start - 1):gsub("\n", ""))
    visit(code:sub(start, stop), line, stop + 1)
    at = stop + 1
  end
end

-- ---- C

local function check_c(path, text)
  local number, first = 0, nil
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    if line:find("^[%a_]") then first = first or number end
    if line == "}" and first then report(path, first, number) end
    if line:find("^}") or line:find("^%S.*[;}]$") then first = nil end
  end
end

-- ---- Lua

local function skip_lua(text, at)
  local comment = text:sub(at, at + 1) == "--"
  local level = text:match("^%[(=*)%[", comment and at + 2 or at)
  if level then return skip_to(text, "]" .. level .. "]", at) end
  if comment then return skip_to(text, "^[^\n]*", at) end
  return text:find("^[\"']", at) and skip_quoted(text, at) or nil
end

local OPENS = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local CLOSES = { ["end"] = true, ["until"] = true }

local function check_lua(path, text)
  local stack = {}
  each_token(code_of(text, "[%-%[\"']", skip_lua), function(token, line)
    if OPENS[token] then stack[#stack + 1] = { token = token, line = line } end
    if not CLOSES[token] then return end
    local block = assert(table.remove(stack), path .. ": more is closed than was opened")
    if block.token == "function" then report(path, block.line, line) end
  end)
  assert(#stack == 0, path .. ": something is not closed")
end

-- ---- JavaScript

local function skip_template(text, at)
  local pos, depth = at + 1, 0
  while pos <= #text do
    local char, pair = text:sub(pos, pos), text:sub(pos, pos + 1)
    if char == "`" and depth == 0 then return pos end
    if char == "\\" then
      pos = pos + 1
    elseif pair == "${" or char == "{" and depth > 0 then
      depth, pos = depth + 1, pos + #pair:match("^%$?{") - 1
    elseif char == "}" and depth > 0 then
      depth = depth - 1
    elseif char == "`" then
      pos = skip_template(text, pos)
    elseif depth > 0 and (char == '"' or char == "'") then
      pos = skip_quoted(text, pos)
    end
    pos = pos + 1
  end
  return #text
end

local function skip_regex(text, at)
  local before = text:sub(1, at - 1):match("(%S)%s*$")
  if before and not ("(,=:[!&|?{};+"):find(before, 1, true) then return nil end
  local pos, in_class = at + 1, false
  while pos <= #text do
    local char = text:sub(pos, pos)
    if char == "/" and not in_class then return pos end
    if char == "[" then in_class = true elseif char == "]" then in_class = false end
    pos = pos + (char == "\\" and 2 or 1)
  end
  return #text
end

local function skip_js(text, at)
  local char, pair = text:sub(at, at), text:sub(at, at + 1)
  if pair == "//" then return skip_to(text, "^[^\n]*", at) end
  if pair == "/*" then return skip_to(text, "%*/", at) end
  if char == "`" then return skip_template(text, at) end
  if char == "/" then return skip_regex(text, at) end
  return skip_quoted(text, at)
end

local OPENING = { ["("] = true, ["["] = true, ["{"] = true }
local CLOSING = { [")"] = true, ["]"] = true, ["}"] = true }
local ENDS_EXPRESSION = { [")"] = true, ["]"] = true, ["}"] = true, [","] = true, [";"] = true }
local BEFORE_CONDITION = { ["if"] = true, ["for"] = true, ["while"] = true, ["switch"] = true, ["catch"] = true,
  ["await"] = true, ["with"] = true }

-- Where the function begins whose body opens here, or nil if it is another block.
local function body_start(before, parameters, arrow)
  if before == "=>" then return arrow end
  if before == ")" and not BEFORE_CONDITION[parameters.before] then return parameters.line end
  return nil
end

-- Whether the function that closed before `behind` is called there, with nothing around it but the parenthesis.
local function is_file(stack, code, behind)
  if #stack ~= 1 or stack[1].token ~= "(" then return false end
  local is_argument = stack[1].before and stack[1].before:find("[%w_$)%]]")
  return not is_argument and code:find("^%s*%)%s*%(", behind) ~= nil
end

local function check_js(path, text)
  local code = code_of(text, "[/\"'`]", skip_js)
  local stack, before, parameters, arrow = {}, nil, nil, nil
  -- A function without braces ends with the expression that it is.
  local function end_expressions(line)
    while #stack > 0 and stack[#stack].token == "=>" do report(path, table.remove(stack).line, line) end
  end
  local function close(line, behind)
    local opened = assert(table.remove(stack), path .. ": more is closed than was opened")
    if opened.token == "(" then parameters = opened end
    if opened.body and not is_file(stack, code, behind) then report(path, opened.body, line) end
  end
  each_token(code, function(token, line, behind)
    if ENDS_EXPRESSION[token] then end_expressions(line) end
    if CLOSING[token] then close(line, behind) end
    if OPENING[token] then
      local body = token == "{" and body_start(before, parameters, arrow) or nil
      stack[#stack + 1] = { token = token, line = line, before = before, body = body }
    elseif token == "=>" then
      arrow = before == ")" and parameters.line or line
      if not code:find("^%s*{", behind) then stack[#stack + 1] = { token = token, line = arrow } end
    end
    before = token
  end)
  assert(#stack == 0, path .. ": something is not closed")
end

local CHECKS = { c = check_c, h = check_c, lua = check_lua, js = check_js }

for _, path in ipairs(arg) do
  local file = io.open(path, "rb")
  if file then -- what git lists may be deleted here
    CHECKS[path:match("%w+$")](path, file:read("a") .. "\n")
    file:close()
  end
end
os.exit(not wrong)
