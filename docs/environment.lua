-- SPDX-License-Identifier: MIT
-- The environment variables and the files of the manuals. docs/generate.lua refuses to write them while the sources
-- name a variable of ours that is not here.
--
-- commands: the manuals that have it beside manymoons(1); nil: all of them
local RUNS = { "compare", "profile", "trace", "worker", "map" }
local BROKER = { "worker", "pool", "map" }
local NONE = {}

local lines_of = dofile("tests/support/files.lua").lines_of

local variables = {
  { "MANYMOONS_WORLD",
    "the default world: serial, async, threads, interpreters or processes (default: processes)", RUNS },
  { "MANYMOONS_WORKERS",
    "the number of workers of a pool that is created without a number, which cpu_count() returns", RUNS },
  { "MANYMOONS_START_METHOD", "how processes start: fork, spawn or forkserver", RUNS },
  { "MANYMOONS_CHUNKSIZE",
    "the number of items in a task of map and its like, where the script gives none: a number or auto", RUNS },
  { "MANYMOONS_GIL", "how the threads of a VM take turns: fair (default) or legacy, as CPython does", RUNS },
  { "MANYMOONS_ASYNC_DEBUG",
    "if it is not empty, tasks that run for long without waiting are reported, and errors name where a task began",
    RUNS },
  { "MANYMOONS_DEBUG",
    "1: tracebacks show the calls inside of this library as well, and in a forked worker those of its parent", RUNS },
  { "MANYMOONS_STANDSTILL",
    "after how many seconds a program in which each thread waits for another one says so, in one line on stderr; "
    .. "0: never (default: 5)", RUNS },
  { "MANYMOONS_TRACE", "record a timeline into this file, as trace -o does", NONE },
  { "MANYMOONS_TRACE_LIMIT",
    "the number of events that a recording keeps (default: 8 million; for trace --html 500,000)",
    { "trace", "compare" } },
  { "MANYMOONS_PROFILE", "profile the program into this file, as profile -o does", NONE },
  { "MANYMOONS_PROFILE_RATE", "samples a second, from 1 to 1000 (default: 100)", { "profile" } },
  { "MANYMOONS_STATS", "write the numbers of messages and bytes sent, and the use of locks, into this file", NONE },
  { "MANYMOONS_SECRET", "the secrets that sign tasks on a broker, one on each line; the first one signs", BROKER },
  { "MANYMOONS_SECRET_FILE", "a file with them, which nobody else can read", BROKER },
  { "MANYMOONS_BROKER_PASSWORD", "the password of a broker whose URL has none", BROKER },
  { "MANYMOONS_BROKER_PASSWORD_FILE", "a file with it, which nobody else can read", BROKER },
  { "MANYMOONS_HISTORY", "the file that keeps what was typed at the prompt; empty: there is none", NONE },
  { "XDG_STATE_HOME", "the folder above those of this user's history and secret (default: ~/.local/state)",
    { "worker", "pool" } },
  { "NO_COLOR", "if it is not empty, no colours are used", { "compare", "top" } },
  { "TERM", "whether the terminal knows colours, bars and more than lines: not if it is dumb", { "compare", "top" } },
  { "LUA_INIT_5_4, LUA_INIT", "Lua code, or @ and a file, to run before anything else" },
  { "LUA_PATH_5_4, LUA_PATH, LUA_CPATH_5_4, LUA_CPATH", "where require looks for modules" },
}

local files = {
  { "$XDG_STATE_HOME/manymoons/history",
    "what was typed at the prompt, over sessions: at most 256 KiB, for this user alone", NONE },
  { "$XDG_STATE_HOME/manymoons/broker.secret",
    "the secret of this user that signs tasks on a broker of this machine, made when it is first needed",
    { "worker", "pool" } },
  { "~/.inputrc", "settings of the line editor; tests of the application find manymoons", NONE },
  { "profile.html, diff.html", "what profile writes in the current folder unless -o says otherwise", { "profile" } },
  { "trace.json", "what trace writes in the current folder unless -o or --html says otherwise", { "trace" } },
  { "compare.html", "what compare --profile writes in the current folder unless --html says otherwise", { "compare" } },
}

-- A variable that the sources name, by itself or in a row of several.
local function is_described(name)
  for _, row in ipairs(variables) do
    for each in row[1]:gmatch("[%w_]+") do
      if each == name then return true end
    end
  end
  return false
end

local NO_VARIABLES = { MANYMOONS_VERSION = true }

local function check()
  for _, line in ipairs(lines_of("grep -rhoE '\"MANYMOONS_[A-Z_]+\"' vm bindings program | sort -u")) do
    local name = line:match('"(.*)"')
    if not NO_VARIABLES[name] and not is_described(name) then
      error("docs/environment.lua does not describe " .. name, 0)
    end
  end
end

return { variables = variables, files = files, check = check }
