-- SPDX-License-Identifier: MIT
-- `manymoons dashboard [PID | URL [POOL…]]`: a page of programs of this machine, or of pools on a broker, as they run.
local mm = require("manymoons")
local require, native = mm._require, mm._native

local checks = require("core.checks")
local hex = require("core.hex")
local broker = require("broker.settings")
local pools = require("dashboard.pools")
local dashboards = require("dashboard.server")
local files = require("page.files")
local usage = require("terminal.usage")

local USAGE = [[
usage: manymoons dashboard [options] [PID]
       manymoons dashboard [options] URL [POOL ...]
Serves a page that shows, once a second: the programs of this user, or one of them (its workers, what each runs, which
lock it waits for, its queues); or the pools on a Redis or Valkey server (their tasks, workers, dead letters and
schedules), with buttons to pause, resume, cancel, retry and delete. Without POOL all pools of the server are shown.
It prints the address of the page, and serves until it is interrupted. Without a token it listens on this machine
alone, and answers processes of this user.
  --listen HOST:PORT    where to listen (default: 127.0.0.1:8787, or any free port if that is taken); a HOST that other
                        machines reach needs a token: of the file, or one that is made and printed
  --token-file FILE     the token with which browsers come: the first line of the file
  --secret-file FILE    the secret that signs what runs again; by default as in manymoons worker
  --password-file FILE  the server's password, where the URL has none; by default as in manymoons worker
]]

local DEFAULT, FALLBACK = "127.0.0.1:8787", "127.0.0.1:0"
local VALUES = { ["--listen"] = true, ["--token-file"] = true, ["--secret-file"] = true, ["--password-file"] = true }

local function refuse(words) usage.refuse("dashboard", words) end

local function leave(words)
  io.stderr:write("manymoons dashboard: ", words, "\n")
  os.exit(1)
end

local function read_word(options, words, i)
  local word = words[i]
  if word == "--help" or word == "-h" then
    io.stdout:write(USAGE)
    os.exit(0)
  elseif VALUES[word] then
    options[word] = words[i + 1] or refuse(word .. " needs a value")
    return 2
  elseif word:sub(1, 1) == "-" or options.pid then
    usage.refuse_word("dashboard", word, USAGE)
  elseif options.url then
    options.names[#options.names + 1] = word
  elseif word:find("^%d+$") then
    options.pid = checks.digits(word) or usage.refuse_word("dashboard", word, USAGE)
  else
    options.url = word
  end
  return 1
end

local function read_options(words)
  local options, i = { names = {} }, 1
  while i <= #words do i = i + read_word(options, words, i) end
  return options
end

local function is_loopback(address)
  local host = address:match("^(.*):%d+$") or address
  return host == "localhost" or host == "[::1]" or host == "::1" or host:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

local function token_of(options, address)
  if options["--token-file"] then
    local text, why = files.read(options["--token-file"])
    if not text then refuse("--token-file: " .. why) end
    local token = text:match("^[^\r\n]*")
    if not token:find("^[%w_.~-]+$") or #token < 16 then
      refuse("--token-file: at least 16 letters, digits and _.~- expected in the first line")
    end
    return token
  end
  return not is_loopback(address) and hex(native.random_bytes(16)) or nil
end

-- Without secrets there is no button that signs.
local function pools_of(options)
  local settings = broker.read_url(options.url, "manymoons dashboard", options["--password-file"])
  for i, name in ipairs(options.names) do options.names[i] = broker.check_name(name, "manymoons dashboard") end
  local has_secrets, secrets = pcall(broker.secrets, { secret_file = options["--secret-file"] }, settings,
    "manymoons dashboard")
  if not has_secrets and options["--secret-file"] then error(secrets, 0) end
  return pools({ settings = settings, names = options.names, secrets = has_secrets and secrets or nil,
    why_no_secrets = not has_secrets and tostring(secrets) or nil })
end

local function bare(message)
  return (tostring(message):gsub("^manymoons dashboard: ", ""):gsub("^secret_file", "--secret-file"))
end

local function about_of(options)
  if options.url then
    local is_right, found = pcall(pools_of, options)
    if not is_right then refuse(bare(found)) end
    return { pools = found, title = "pools", first = #options.names == 1 and "pool/" .. options.names[1]
      or "pools" }
  end
  if not options.pid then return { title = "programs", first = "programs" } end
  local view, why = native.inspect(options.pid)
  if not view then leave(("process %d: %s"):format(options.pid, why)) end
  return { title = "process " .. options.pid, first = "program/" .. options.pid }
end

local options = read_options({ ... })
local about = about_of(options)
about.address = options["--listen"] or DEFAULT
if not about.address:find(":%d+$") then refuse("--listen: HOST:PORT expected, got '" .. about.address .. "'") end
about.token = token_of(options, about.address)
local dashboard, why = dashboards(about)
if not dashboard and not options["--listen"] then
  about.address = FALLBACK
  dashboard, why = dashboards(about)
end
if not dashboard then leave(about.address .. ": " .. tostring(why)) end
io.stdout:write("http://", dashboard.server.address, "/", about.token and "?token=" .. about.token or "", "\n")
io.stdout:flush()
dashboard:run()
