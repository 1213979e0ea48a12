-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

-- A table: a set that would go over the limit raises and changes nothing.
local t = mm.Table { max_bytes = 10000 }
expect.equal({ t.max_bytes, t:len() }, { nil, 0 })
local kept = ("x"):rep(4000)
t.a, t.b = kept, kept
expect.raises("Table: full: .* max_bytes is 10000", function() t.c = kept end)
expect.equal({ t.a, t.b, t.c, t:len() }, { kept, kept, nil, 2 })
t.a = "short"
t.c = kept
expect.equal({ t.a, t.c }, { "short", kept })
t.b = nil
t.a = kept
local small = mm.Table({ one = 1 }, { max_bytes = 100 })
expect.equal(small.one, 1)
expect.raises("max_bytes", function() mm.Table({}, { max_bytes = -1 }) end)
expect.raises("unknown option 'most'", function() mm.Table({}, { most = 1 }) end)
local pairs_of_two = mm.Table { max_bytes = 1, other = 2 } -- a table to copy, for it has another key
expect.equal({ pairs_of_two.max_bytes, pairs_of_two.other }, { 1, 2 })

-- A queue: put waits for room, and a value that can never fit is refused at once.
local q = mm.Queue { max_bytes = 10000 }
expect.equal(q:put(kept), true)
expect.equal(q:put(kept), true)
expect.equal({ q:put_nowait(kept) }, { nil, "full" })
expect.equal({ q:put(kept, 0.01) }, { nil, "timeout" })
local ok, why = q:put(("x"):rep(20000))
expect.equal(ok, nil)
expect.truthy(why:match("too large: Queue: a value of %d+ bytes; max_bytes is 10000"), why)
expect.equal(q:get(), kept)
expect.equal(q:put(kept), true)
local putter = mm.Process(function(queue, value) queue:put(value) end, q, kept)
putter:start()
expect.equal(q:get(), kept)
putter:join()
expect.equal(q:qsize(), 2)
expect.raises("max_bytes: a number of bytes", function() mm.Queue { max_bytes = "much" } end)
expect.raises("max_bytes: a Queue has one", function() mm.SimpleQueue { max_bytes = 1 } end)
