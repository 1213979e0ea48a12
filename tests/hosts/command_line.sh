#!/bin/sh
# SPDX-License-Identifier: MIT
# The host program compared with lua5.4: the same command lines give the same output, messages and
# exit statuses.
#
# Both are called `lua` here, through a link in a folder each, so that arg[-1] is the same. The name
# in front of messages is the one difference that the test removes. MM_BUILD: the folder of the
# program.
set -u

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
mkdir theirs ours
ln -s "$(command -v lua5.4)" theirs/lua
ln -s "$MM_BUILD/manymoons" ours/lua
unset LUA_INIT LUA_INIT_5_4 LUA_PATH LUA_PATH_5_4 LUA_CPATH LUA_CPATH_5_4
wrong=0

# Removes the program's name and addresses, which differ from run to run.
even_out() { sed -E -e 's/^(lua|manymoons): /NAME: /' -e 's/0x[0-9a-f]+/ADDRESS/g' "$1"; }

# side FOLDER COMMAND: runs the command and writes FOLDER.out, FOLDER.err and FOLDER.status.
side() {
  (PATH=$here/$1:$PATH timeout "${MM_HANG:-60}" sh -c "$2") >"$1.raw.out" 2>"$1.raw.err" </dev/null
  echo $? >"$1.status"
  even_out "$1.raw.out" >"$1.out"
  even_out "$1.raw.err" >"$1.err"
}

same() {
  side theirs "$1"
  side ours "$1"
  for part in out err status; do
    cmp -s "theirs.$part" "ours.$part" && continue
    echo "$1"
    echo "  $part of lua5.4:"; sed 's/^/    /' "theirs.$part"
    echo "  $part of manymoons:"; sed 's/^/    /' "ours.$part"
    wrong=1
  done
}

# As same, but of stderr only what is wrong: lua5.4 prints its usage behind that, this program what is meant and --help.
# Its exit status is 2.
same_refusal() {
  side theirs "$1"
  side ours "$1"
  for folder in theirs ours; do sed -i "1{s/^\\([^']*'[^']*'[ a-z]*\\).*/\\1/;s/ *\$//;q}" "$folder.err"; done
  [ "$(cat ours.status)" = 2 ] || { echo "$1: status $(cat ours.status)"; wrong=1; }
  for part in out err; do
    cmp -s "theirs.$part" "ours.$part" && continue
    echo "$1: $part of lua5.4: $(cat "theirs.$part"), of manymoons: $(cat "ours.$part")"
    wrong=1
  done
}

cat >show.lua <<'END'
local least = 0
while arg[least - 1] do least = least - 1 end
for i = least, #arg do print(i, arg[i]) end
print(select("#", ...), ...)
END
cat >mod.lua <<'END'
print("mod", ...)
return { answer = 42 }
END
{ echo '#!/usr/bin/env lua'; cat show.lua; } >shebang
chmod +x shebang
printf '\357\273\277#!a mark of UTF-8 in front\nprint("marked", ...)\n' >marked.lua
printf 'print("no newline at the end")' >open_end.lua
: >empty.lua
echo 'x = = 1' >syntax.lua
echo 'local function f() error("deep") end local function g() f() end g()' >runtime.lua
echo 'error(setmetatable({}, {__tostring = function() return "told" end}))' >tostring.lua
echo 'error({})' >table.lua
echo 'error()' >nil.lua
echo 'error(setmetatable({}, {__tostring = function() return 1 end}))' >wrong_tostring.lua
echo 'error("no position", 0)' >level.lua
echo 'error(12)' >number.lua
echo 'local t = setmetatable({}, {__gc = function() print("collected") end}) print("end")' >collected.lua
echo 'local t <close> = setmetatable({}, {__close = function() print("closed") end}) os.exit(4, true)' >closed.lua
luac5.4 -s -o binary.luac show.lua 2>/dev/null || cp show.lua binary.luac

# arg, and the end of options
same 'lua show.lua'
same 'lua show.lua a "b c" "" -e --world'
same 'lua -e "x = 1" show.lua a'
same 'lua -e"x = 1" -lmod show.lua a b'
same 'lua -- show.lua a'
same 'lua -W -- show.lua -x'
same 'lua - a b <show.lua'
same 'lua -W - <show.lua'
same 'lua <show.lua'
same 'lua -- <show.lua'
same 'cp show.lua ./-; lua -- - a'
same './shebang 1 2'
same 'lua shebang 1 2'
same 'lua marked.lua 1'
same 'lua open_end.lua; lua empty.lua; lua <empty.lua'
same 'lua binary.luac 1'
same 'lua -e "print(#arg, arg[0], arg[1], arg[2])" -e "print(...)"'
same 'lua -e "arg = nil" show.lua'
same 'lua -e "arg = 7" show.lua'
same 'lua -e "arg = {1, 2, nil, 4}" show.lua'
same 'lua -e "arg[1] = 5" show.lua a b'

# -e, -l, -i, -v, -E, -W
same 'lua -e "print(1)" -e "print(2)"'
same 'lua -e "print(1)" </dev/null'
same 'lua -e "return 1"'
same 'lua -e ""'
same 'lua -e "x = 5" -e "print(x)"'
same 'lua -l mod -e "print(mod.answer)"'
same 'lua -lmod -lmod -e "print(mod.answer, package.loaded.mod == mod)"'
same 'lua -l g=mod -e "print(g.answer, mod)"'
same 'lua -lg=mod -e "print(g.answer, mod)"'
same 'lua -l string -e "print(string.rep(7, 3))"'
same 'lua -l absent show.lua'
same 'lua -e "error(1)" -e "print(2)" show.lua'
same 'lua -e "syntax error here"'
same 'lua -e "print(" show.lua'
same 'lua -e "warn(1, 2)" -W -e "warn(3)" -e "warn(\"@off\")" -e "warn(4)"'
same 'lua -W -e "setmetatable({}, {__gc = function() error(1) end})"'
same 'LUA_PATH="/x/?.lua" lua -E -e "print(package.path)"'
same 'LUA_CPATH="/x/?.so" lua -E -e "print(package.cpath)"'
same 'LUA_PATH="/x/?.lua;;" LUA_CPATH="/y/?.so;;" lua -e "print(package.path, package.cpath)"'
same 'lua -e "print(package.path, package.cpath, package.config)"'
same 'LUA_PATH="/x/?.lua" lua -E -lmod -e "print(mod, os.getenv(\"LUA_PATH\"))"'
same 'LUA_INIT="print(1)" lua -E -e "print(2)"'
same 'LUA_INIT="print(1)" lua -e "print(2)"'
same 'LUA_INIT="print(1)" LUA_INIT_5_4="print(54)" lua show.lua x'
same 'LUA_INIT=@mod.lua lua -e "print(2)"'
same 'LUA_INIT=@absent.lua lua -e "print(2)"'
same 'LUA_INIT="error(7)" lua -e "print(2)"'
same 'LUA_INIT="x = = 1" lua show.lua'
same 'LUA_INIT="print(arg[1], ...)" lua show.lua a'

# errors and exit statuses
same 'lua absent.lua'
same 'lua .'
same 'lua syntax.lua'
same 'lua <syntax.lua'
same 'lua runtime.lua'
same 'lua - <runtime.lua'
same 'lua tostring.lua'
same 'lua table.lua'
same 'lua nil.lua'
same 'lua wrong_tostring.lua'
same 'lua level.lua'
same 'lua number.lua'
same 'lua -e "error(nil)"'
same 'lua -e "local function f() return f() + 1 end f()" 2>&1 | head -3'
same 'lua -e "string.rep(\"x\", 1 << 40)"'
same 'lua -e "coroutine.wrap(function() error(\"inside\") end)()"'
same 'lua -e "coroutine.wrap(function() error({}) end)()"'
same 'lua -e "print(coroutine.resume(coroutine.create(function() local x = nil; x() end)))"'
same 'lua -e "print(pcall(coroutine.wrap(function() coroutine.yield(1) end), 2))"'
same 'lua -e "coroutine.wrap(7)"'
same 'lua -e "coroutine.resume(7)"'
same 'lua -e "print(1, nil, true, 2.5, {} ~= nil)" -e "print()"'
same 'lua -e "print(setmetatable({}, {__tostring = function() return \"told\" end}))"'
same 'lua -e "print(setmetatable({}, {__tostring = function() return 1 end}))"'
same 'lua -e "print(setmetatable({}, {__name = \"kind\"}))"'
same 'lua -e "print(\"a\\0b\")" | od -c'
same 'lua -e "os.exit()"'
same 'lua -e "os.exit(true)"'
same 'lua -e "os.exit(false)"'
same 'lua -e "os.exit(nil)"'
same 'lua -e "os.exit(-1)"'
same 'lua -e "os.exit(\"7\")"'
same 'lua -e "os.exit(\"x\")"'
same 'lua -e "os.exit({})"'
same 'lua -e "os.exit(1.5)"'
same 'lua -i -e "x = 1" </dev/null | tail -n 1'
same 'lua -e "setmetatable(_G, {__newindex = function() error(\"no globals\") end})" -l mod'
same 'lua -e "os.exit(7)"'
same 'lua -e "os.exit(256 + 7)"'
same 'lua -e "os.exit(3, true)"'
same 'lua -e "pcall(os.exit, 5)"'
same 'lua -e "coroutine.wrap(function() os.exit(6) end)()"'
same 'lua -e "io.write(1) os.exit(0)"'
same 'lua closed.lua'
same 'lua collected.lua'
same 'lua -e "print(collectgarbage(\"incremental\"), collectgarbage(\"isrunning\"))"'
same 'lua -e "print(debug.getinfo(1, \"S\").short_src, debug.getinfo(1, \"S\").what)"'
same 'lua -e "kinds = {}" -e "for k, v in pairs(_G) do kinds[#kinds + 1] = k .. type(v) end" -e "table.sort(kinds)" \
  -e "print(table.concat(kinds, \" \"))"'

# descriptors that are closed or full
same 'lua -e "print(io.read())" <&-'
same 'lua <&-'
same 'lua -e "print(1)" >&-'
same 'lua -e "error(1)" 2>&-'
same 'lua -e "print(1)" >/dev/full'
same 'lua -e "print(io.write(1))" >&- 2>&- <&-'
same 'lua -e "print(io.read(\"a\"))" - <mod.lua'

# unknown options
same_refusal 'lua -x'
same_refusal 'lua -ix'
same_refusal 'lua -vx'
same_refusal 'lua -Ex'
same_refusal 'lua -Wx'
same_refusal 'lua --x'
same_refusal 'lua -e'
same_refusal 'lua -l'
same_refusal 'lua -e -v'
same_refusal 'lua -l -v'
same_refusal 'lua -e "print(1)" -x'
exit $wrong
