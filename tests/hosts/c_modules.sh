#!/bin/sh
# SPDX-License-Identifier: MIT
# C modules of the distribution load in the main VM, in a worker, and in both.
set -eu
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"

cat >modules.lua <<'END'
local mm = require "manymoons"

local function use(n)
  local cjson = require "cjson"
  local lpeg = require "lpeg"
  local lfs = require "lfs"
  local digits = lpeg.C(lpeg.R("09") ^ 1) / tonumber
  local text = cjson.encode({ n = digits:match(tostring(n) .. "!") })
  assert(lfs.attributes(".", "mode") == "directory")
  return cjson.decode(text).n
end

local early = arg[1] == "early"
if early then assert(use(1) == 1) end -- fork copies what is loaded
local pool = mm.Pool(3)
for i, result in ipairs(pool:map(use, { 1, 2, 3, 4, 5, 6, 7, 8, 9 })) do assert(result == i) end
assert(use(12) == 12)
if early then
  -- Functions of C modules travel by their names.
  assert(pool:apply(require("cjson").encode, { 1, 2 }) == "[1,2]")
  local lfs = require "lfs"
  assert(pool:apply(function() return lfs.currentdir() end) == lfs.currentdir())
end
END
for world in serial interpreters processes; do
  for when in early late; do "$MM_BUILD/manymoons" --world $world modules.lua $when; done
done
