-- SPDX-License-Identifier: MIT
-- hex(bytes) → two lower-case hexadecimal digits for each byte.
return function(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end
