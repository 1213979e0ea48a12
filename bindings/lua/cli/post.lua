-- SPDX-License-Identifier: MIT
-- `manymoons post URL POOL 'code or module.function' args…`: posts a task, and prints its id (broker/posting.lua).
local mm = require("manymoons")
local require, native = mm._require, mm._native

local checks = require("core.checks")
local json = require("core.json")
local codec = require("broker.codec")
local posting = require("broker.posting")
local broker = require("broker.settings")
local usage = require("terminal.usage")

local USAGE = [[
usage: manymoons post [options] URL POOL 'code or module.function' [args]
Posts a task to a pool on a Redis or Valkey server, and prints its id once the server has it. The task runs whatever
becomes of this command, and the server keeps its outcome.
The code gets the words behind it in `...`; an expression is returned. A function of a module that the workers have is
named module.function or module:function.
  --json                the words behind the code are JSON: 'null', '5', '{"a":[1,2]}'
  --wait SECONDS        wait so long for the outcome, and print the results, a line each; tables as JSON
  --delay SECONDS       run it no earlier than that
  --at TIME             run it no earlier than that, in seconds since 1970
  --retries N           how often it runs again after an error, or when its worker is lost (default: 2)
  --backoff SECONDS     the pause before the first of these, doubled for each further one (default: 1)
  --timeout SECONDS     stop it when it takes longer
  --unique KEY          while a task with this key has no outcome, print its id and post none
  --rate N/UNIT         run its function so often at most: 100/m, or with s, h or d
  --priority N          0 to 9: waiting tasks of a higher one run first (default: 5)
  --at-most N           run so many tasks of its function at once, in all workers
  --key KEY             with --at-most: so many tasks with this key
  --ttl SECONDS         how long the server keeps the outcome (default: 3600)
  --secret-file FILE    the secret that signs it; by default as in manymoons worker
  --password-file FILE  the server's password, where the URL has none; by default as in manymoons worker
]]

local NUMBERS = {
  ["--wait"] = "wait", ["--delay"] = "delay", ["--at"] = "at", ["--retries"] = "retries", ["--backoff"] = "backoff",
  ["--timeout"] = "timeout", ["--ttl"] = "ttl", ["--priority"] = "priority", ["--at-most"] = "at_most",
}

local TEXTS = {
  ["--secret-file"] = "secret_file", ["--password-file"] = "password_file", ["--unique"] = "unique",
  ["--rate"] = "rate", ["--key"] = "key",
}

-- The least and the most of whole numbers.
local WHOLE = { ["--retries"] = { 0, 2 ^ 31 }, ["--priority"] = { 0, 9 }, ["--at-most"] = { 1, 999999999 } }

local function refuse(why) usage.refuse("post", why) end

local function number_of(name, text)
  local value = tonumber(text)
  if not value or value < 0 or value > 2 ^ 40 then
    refuse(name .. ": a number, 0 or more, expected, got '" .. text .. "'")
  end
  local range = WHOLE[name]
  if range and (value % 1 ~= 0 or value < range[1] or value > range[2]) then
    refuse(string.format("%s: a whole number from %d to %d expected, got '%s'", name, range[1], range[2], text))
  end
  if name == "--timeout" and value == 0 then refuse(name .. ": a number above 0 expected, got '" .. text .. "'") end
  return value
end

local function read_option(options, word, next_word)
  local name, value = word:match("^(%-%-[%w-]+)=(.*)$")
  name = name or word
  if word == "--help" or word == "-h" then
    io.stdout:write(USAGE)
    os.exit(0)
  elseif word == "--json" then
    options.is_json = true
    return 1
  elseif not NUMBERS[name] and not TEXTS[name] then
    usage.refuse_word("post", word, USAGE)
  end
  local text = value or next_word or refuse(name .. " needs a value")
  if NUMBERS[name] then options[NUMBERS[name]] = number_of(name, text) else options[TEXTS[name]] = text end
  if name == "--rate" and not codec.read_rate(text) then
    refuse("--rate: 100/m and the like (s, m, h or d) expected, got '" .. text .. "'")
  end
  return value and 1 or 2
end

-- The options end at the first word that is none: what stands behind the code is the task's.
local function read_options(words)
  local options, i = {}, 1
  while words[i] and words[i]:sub(1, 1) == "-" do
    if words[i] == "--" then
      i = i + 1
      break
    end
    i = i + read_option(options, words[i], words[i + 1])
  end
  options.url, options.name, options.code = words[i], words[i + 1], words[i + 2]
  if not options.code then refuse("a URL, the name of a pool and a code expected") end
  if options.at and options.delay then refuse("--at: only without --delay") end
  if options.key and not options.at_most then refuse("--key: only with --at-most") end
  options.args = { n = math.max(0, #words - i - 2) }
  for k = 1, options.args.n do options.args[k] = words[i + 2 + k] end
  return options
end

local function decode_arguments(args)
  for i = 1, args.n do
    local value, why = json.decode(args[i])
    if value == nil and why then refuse("argument " .. i .. ": " .. why) end
    args[i] = value
  end
end

-- What is posted: the name of a function, or the source of a chunk.
local function function_of(code)
  local name = codec.function_named(code)
  if name then return name:sub(3) end
  local compile = rawget(_G, "loadstring") or load
  if compile("return " .. code, "=code") then return "return " .. code end
  local is_right, why = compile(code, "=code")
  if not is_right then refuse(why) end
  return code
end

local function print_results(count, ...)
  for i = 1, count do
    local value = (select(i, ...))
    print(type(value) == "table" and json.encode(value) or tostring(value))
  end
end

local function wait_for(options, secret_options, id)
  local results = checks.pack(mm.result(options.url, id, options.wait, secret_options))
  if results[1] == nil and results.n == 2 then error(id .. ": " .. tostring(results[2]), 0) end
  print_results(results.n, checks.unpack(results, 1, results.n))
end

local function main(options)
  local secret_options = { secret_file = options.secret_file, password_file = options.password_file }
  local name = broker.check_name(options.name, "manymoons post")
  local session, secrets = posting.connect(options.url, name, secret_options, "manymoons post")
  if not session then error(secrets, 0) end
  local id, why = posting.post(session, secrets, name, function_of(options.code), options.args, options)
  session:close()
  if not id then error(why, 0) end
  if not options.wait then return print(id) end
  wait_for(options, secret_options, id)
end

local options = read_options({ ... })
if options.is_json then decode_arguments(options.args) end
local ok, why = pcall(main, options)
if not ok then
  local text, is_wrong_use = tostring(why):gsub("^manymoons post: ", "")
  text = text:gsub("^secret_file", "--secret-file")
  if is_wrong_use > 0 then refuse(text) end
  io.stderr:write("manymoons post: ", native.printable(text), "\n")
  os.exit(1)
end
