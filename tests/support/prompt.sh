# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For tests of the prompt: a folder of their own, which is also the home, a terminal (terminal.sh), and nothing of the
# environment that the prompt reads.
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
. "$MM_TOP/tests/support/terminal.sh"
export TERM=dumb INPUTRC=/dev/null HOME="$here"
unset LUA_INIT LUA_INIT_5_4 MANYMOONS_HISTORY MANYMOONS_WORLD XDG_STATE_HOME
