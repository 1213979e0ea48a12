-- SPDX-License-Identifier: MIT
-- The files with the types of the API, from which the Lua reference is made: bindings/lua/types*.lua.
local paths = {}
local list = assert(io.popen('ls "$MM_BUILD"/../../bindings/lua/types*.lua'))
for path in list:lines() do paths[#paths + 1] = path end
list:close()
return paths
