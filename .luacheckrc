-- SPDX-License-Identifier: MIT
std = "max"
max_line_length = 120
files["bindings/types.lua"] = { ignore = { "" } }
-- Behaviour tests set globals on purpose: workers start with a copy of them.
files["tests/lua"] = { ignore = { "111", "112", "113", "131" } }
files["tests/crash"] = { ignore = { "111", "112", "113", "131" } }
