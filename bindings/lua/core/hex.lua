-- SPDX-License-Identifier: MIT
-- hex(bytes) → two lower-case hexadecimal digits for each byte.
return function(bytes)
  return (bytes:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end
