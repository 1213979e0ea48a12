-- SPDX-License-Identifier: MIT
-- instance(name, …) → a new instance of a module: its file runs anew, with these arguments after `require` and
-- `native`. For modules whose variables are those of one thread, such as a scheduler's.
local require, native = ...

return function(name, ...) return native.load(name)(require, native, ...) end
