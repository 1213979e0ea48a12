-- SPDX-License-Identifier: MIT
std = "max"
max_line_length = 120
files["bindings/lua/types*.lua"] = { ignore = { "" } }
-- The library runs in each Lua. What only some of them have is looked for before it is used.
local later = { "rawlen", coroutine = { fields = { "close" } }, math = { fields = { "type" } }, table = { fields = { "unpack" } } }
files["bindings/lua"] = { std = "luajit", read_globals = later }
-- os.exit of a VM with tasks is another one.
files["bindings/lua/async/exit.lua"] = { ignore = { "122/os" } }
-- Behaviour tests set globals, and add to standard libraries, on purpose: workers start with a copy of them.
for _, folder in ipairs{ "tests/lua", "tests/crash", "tests/stress" } do
  files[folder] = { ignore = { "111", "112", "113", "131", "122", "142", "143" } }
end
-- What C programs look for in the scripts they load.
files["scripts/embed"] = { ignore = { "111", "131" } }
-- Scripts that run in a Redis server.
files["bindings/lua/broker/redis/scripts"] = { read_globals = { "KEYS", "ARGV", "redis", "places", "setter_of" } }
