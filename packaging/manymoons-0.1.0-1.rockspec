package = "manymoons"
version = "0.1.0-1"
source = {
  -- `make dist` writes the URL of the folder that it is published in, and the sum of the sources, in place of this line.
  url = "https://manymoons.example.org/releases/manymoons-0.1.0.tar.gz",
}
description = {
  summary = "Many Lua VMs side by side, each with its own lock: Python's multiprocessing for Lua",
  detailed = [[
    Process, Pool, Queue, Pipe, locks, shared values and arrays, managers, with the names of Python's multiprocessing. The same
    script runs on plain calls, tasks, threads, interpreters and processes.
  ]],
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.1, < 5.5" }
build = {
  type = "make",
  build_target = "rock",
  install_target = "rock-install",
  variables = { ROCK_INCDIR = "$(LUA_INCDIR)" },
  build_variables = { EXTRA_CFLAGS = "$(CFLAGS)" },
  install_variables = { ROCK_LIBDIR = "$(LIBDIR)" },
}
