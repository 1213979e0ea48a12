#!/bin/sh
# SPDX-License-Identifier: MIT
# variants: release
# The plugin for Neovim, as a manager of plugins has it: the specification for lazy.nvim that the documentation shows is run
# by a stand-in, in a Neovim without any other configuration. The module is found, :checkhealth finds nothing wrong, :help
# opens. The module of a rock, as rocks.nvim installs it, is tested with that rock (tests/packages).
set -eu
export HOME=$PWD XDG_CONFIG_HOME=$PWD/config XDG_DATA_HOME=$PWD/data XDG_STATE_HOME=$PWD/state

fail() {
  echo "$1"
  cat out health 2>/dev/null
  exit 1
}

"$MM_TOP/packaging/neovim/make-plugin" "$MM_BUILD/lua/5.1/manymoons.so" plugin/build/nvim # make nvim
awk '/^With lazy.nvim/ { on = 1 } on && /^```$/ { exit } on && body { print } on && /^```lua$/ { body = 1 }' \
  "$MM_TOP/docs/how-to/use-from-neovim.md" >spec
{ echo 'return'; cat spec; } >spec.lua
cat >lazy.lua <<'END'
local spec = dofile("spec.lua")
assert(spec.build == "make nvim" and spec[1], "the specification is another one")
spec.config({ dir = vim.fn.getcwd() .. "/plugin" })
print(require("manymoons").interpreters.Pool(1):apply(function() return 6 * 7 end))
vim.cmd("checkhealth manymoons")
vim.cmd("silent! write! health")
vim.cmd("help manymoons-in_nvim")
print(vim.fn.expand("%:t"), vim.fn.getline("."):match("%*(.-)%*"))
END
timeout "${MM_HANG:-60}" nvim --headless --clean -c "luafile lazy.lua" -c 'qa!' >out 2>&1 </dev/null || fail "nvim: exit status $?"
grep -q '^42' out && grep -q 'manymoons.txt.*manymoons-in_nvim' out || fail "the module, or its help"
for said in 'version' 'interpreters: a worker answered' 'processes: a worker answered' 'in_nvim calls the editor'; do
  grep -q "OK.*$said" health || fail "checkhealth does not say: $said"
done
! grep -qE 'ERROR|WARN' health || fail "checkhealth finds something wrong"
