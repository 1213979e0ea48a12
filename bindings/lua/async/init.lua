-- SPDX-License-Identifier: MIT
-- Loaded at the first use of tasks in a VM; from then on waits go through the schedulers (core/waits.lua), and so
-- do those of Lua's own library (io/library.h).
local require, native = ...

local waits = require("core.waits")
local local_waits = require("async.local_waits")
local schedulers = require("async.schedulers")

waits.use(schedulers, function(q, way, is_all)
  return local_waits.wake(q, way, is_all and schedulers.wake_all or schedulers.wake_one)
end, schedulers.close_handle, schedulers.wait_for_descriptor)
require("async.exit")
native.io_install()

return schedulers
