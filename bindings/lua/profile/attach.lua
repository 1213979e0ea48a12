-- SPDX-License-Identifier: MIT
-- Asks a running program for samples (profile/attaching.h). `manymoons top` has it profiled for a moment in each
-- second; the caller waits until that is over.
local require, native = ...

local waits = require("core.waits")

local PAUSE, PATIENCE = 0.02, 3

-- As native.profile_attach.
return function(pid, rate, seconds)
  local until_time = native.time() + PATIENCE
  while true do
    local generation, pids, is_busy = native.profile_attach(pid, rate, seconds)
    if generation or not is_busy or native.time() > until_time then return generation, pids end
    waits.sleep(PAUSE)
  end
end
