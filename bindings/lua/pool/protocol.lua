-- SPDX-License-Identifier: MIT
-- The numbers that workers in C and in Lua have in common: modes, flags and outcomes of tasks, and
-- the pace of a worker in a list. They are written down in pool/protocol.h alone.
local _, native = ...

return native.pool_protocol()
