-- SPDX-License-Identifier: MIT
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

expect.raises("Pool: workers: a whole number, 1 or more, expected, got 0", mm.Pool, 0)
expect.raises("Pool: unknown option 'wrokers'", mm.Pool, { wrokers = 2 })
local pool = mm.Pool(1)
expect.raises("Pool:map: argument 1: a function expected, got nil", pool.map, pool)
expect.raises("Pool:map: argument 2: a list expected, got number", pool.map, pool, print, 3)
expect.raises("Pool:map: argument 2: a list expected, got a table without items .* with the key a", pool.map, pool,
  print, { a = 1 })
expect.raises("Pool:imap: argument 2: a list expected, got a table", pool.imap, pool, print, { a = 1 })
expect.raises("Pool:map: unknown option 'chunk'", pool.map, pool, print, {}, { chunk = 1 })
expect.raises("chunksize: a whole number, 1 or more", pool.map, pool, print, {}, { chunksize = 0 })
expect.raises("Pool:submit: argument 1: a function expected, got string", pool.submit, pool, "print")
expect.raises("still open", pool.join, pool)
pool:terminate()
expect.raises("no world 'threds'", mm.world, "threds")
expect.raises("no world", mm.set_world, "x")
