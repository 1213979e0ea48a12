-- SPDX-License-Identifier: MIT
-- The first use of tasks in a VM: from now on waits go through the schedulers (core/waits.lua).
local require, native = ...

local waits = require("core.waits")
local schedulers = require("async.schedulers")

waits.tasks = schedulers
native.set_wait_pauser(schedulers.sleep)
require("async.waits")
require("async.exit")

return schedulers
