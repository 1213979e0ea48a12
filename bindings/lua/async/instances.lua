-- SPDX-License-Identifier: MIT
-- instance(name, …) → a new instance of a module. Its file runs again, with these arguments after `require` and
-- `native`. For modules whose variables belong to one thread, such as the scheduler.
local require, native = ...

return function(name, ...) return native.load(name)(require, native, ...) end
