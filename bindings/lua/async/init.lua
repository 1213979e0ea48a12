-- SPDX-License-Identifier: MIT
-- Loaded at the first use of tasks in a VM; from then on waits go through the schedulers (core/waits.lua).
local require = ...

local waits = require("core.waits")
local local_waits = require("async.local_waits")
local schedulers = require("async.schedulers")

waits.use(schedulers, function(q, way, is_all)
  return local_waits.wake(q, way, is_all and schedulers.wake_all or schedulers.wake_one)
end, schedulers.close_handle)
require("async.exit")

return schedulers
