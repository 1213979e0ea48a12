#!/bin/sh
# SPDX-License-Identifier: MIT
# Features of the host program beyond lua5.4: --world, --help, --version, subcommands, the built-in
# module, closed standard descriptors, and workers that end with the program.
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
program=$MM_BUILD/manymoons
unset MANYMOONS_WORLD LUA_INIT LUA_INIT_5_4 LUA_PATH LUA_PATH_5_4 LUA_CPATH LUA_CPATH_5_4
wrong=0

# gives STATUS OUTPUT COMMAND: checks status and output, both streams together; OUTPUT is a pattern
# of the shell.
gives() {
  out=$(eval "$3" 2>&1 </dev/null)
  status=$?
  # shellcheck disable=SC2254 # it is a pattern
  case $out in $2) [ $status = "$1" ] && return ;; esac
  echo "$3: status $status, expected $1; output:"
  echo "$out"
  wrong=1
}

cat >world.lua <<'END'
local mm = require "manymoons"
print(mm.current_world(), arg[0], arg[1], mm.Pool(1):apply(function() return mm.current_world() end))
END
cp world.lua compare
cp world.lua ./--world

gives 0 'processes	world.lua	nil	processes' '$program world.lua'
for world in serial interpreters processes; do
  gives 0 "$world	world.lua	a	$world" "\$program --world $world world.lua a"
  gives 0 "$world	world.lua	a	$world" "\$program --world=$world world.lua a"
  gives 0 "$world	world.lua	a	$world" "MANYMOONS_WORLD=$world \$program world.lua a"
  gives 0 "$world	world.lua	--world	$world" "MANYMOONS_WORLD=serial \$program --world $world world.lua --world"
done
gives 0 'serial	world.lua	nil	serial' '$program --world processes --world serial world.lua'
gives 0 'processes	--world	nil	processes' '$program -- --world'
gives 2 "manymoons: set_world: no world 'mars' (there are: serial, async, threads, interpreters, processes)" '$program --world mars world.lua'
gives 1 "*MANYMOONS_WORLD: no world 'mars'*" 'MANYMOONS_WORLD=mars $program world.lua'
gives 2 "manymoons: '--world' needs argument (try --help)" '$program --world'
gives 2 "manymoons: '--world' needs argument (try --help)" '$program --world -i'
gives 2 "manymoons: unrecognized option '--worlds': did you mean '--world'? (try --help)" '$program --worlds serial world.lua'

for use in compare trace "trace -x" "trace -o" "top --json" "top x" worker pool "compare --nothing a" "compare absent.lua"; do
  gives 2 '*' "\$program $use"
done

gives 0 'usage: manymoons *--world NAME*' '$program --help'
gives 0 'usage: manymoons *--world NAME*' '$program -h world.lua'
gives 0 'manymoons [0-9]*.[0-9]*.[0-9]* (Lua 5.4.*)' '$program --version'
gives 0 'manymoons [0-9]*.[0-9]*.[0-9]* (Lua 5.4.*)' '$program -v'
gives 0 'manymoons * (Lua 5.4.*)
1' '$program -v -e "print(1)"'

gives 0 '*usage*compare*' '$program compare --help'

# Behind a subcommand they are the same, in any order with its own.
for subcommand in "profile -o /dev/null" "trace -o out.json"; do
  gives 0 '*threads	world.lua	--world	threads*' "\$program $subcommand --world threads world.lua --world"
  gives 0 '*async	world.lua	nil	async*' "\$program ${subcommand%% *} --world=async ${subcommand#* } world.lua"
  gives 0 '*hello
*serial	world.lua	a*' "\$program $subcommand -e 'print(\"hello\")' --world serial world.lua a"
  gives 0 '*processes	--world	nil*' "\$program $subcommand -- --world"
  gives 2 "manymoons: '--world' needs argument (try --help)" "\$program $subcommand --world"
  gives 2 "*no world 'mars'*" "\$program $subcommand --world mars world.lua"
done
gives 0 '*serial takes*' '$program compare --runs 1 --warmup 0 -E --worlds serial --world threads world.lua'
gives 2 'manymoons stack: which program?*' '$program stack --world threads'
gives 2 "manymoons profile: unknown option '--words'*" '$program profile --words world.lua'
gives 0 'processes	./compare	a	processes' '$program ./compare a'
gives 0 'processes	compare	a	processes' '$program -- compare a'
gives 0 'true	true' '$program -e "print(require([[manymoons]]) == package.loaded.manymoons, arg[0] == nil or true)"'
gives 0 '5	serial' '$program --world serial -l mm=manymoons -e "print(#mm.worlds, mm.current_world())"'

# The next opened file does not get the number of a closed descriptor, so it receives no output.
cat >closed.lua <<'END'
local mm = require "manymoons"
local file = assert(io.open("written", "w"))
io.stdout:write("to stdout\n")
io.stdout:flush()
io.stderr:write("to stderr\n")
local sum = 0
for _, result in ipairs(mm.Pool(2):map(function(x) print(x) return x + 1 end, { 1, 2, 3 })) do sum = sum + result end
file:write(sum)
file:close()
END
for world in serial interpreters processes; do
  gives 0 9 "(\$program --world $world closed.lua) <&- >&- 2>&-; cat written; rm written"
done

# However the program exits, it ends its workers, and waits for those that are not daemons.
cat >children.lua <<'END'
local mm = require "manymoons"
local function late() mm.sleep(0.05) print("late") end
mm.Process(late):start()
mm.Process{ target = mm.sleep, args = { 1000 }, daemon = true }:start()
local how = arg[1]
if how == "exit" then os.exit(5) end
if how == "close" then os.exit(6, true) end
if how == "coroutine" then coroutine.wrap(function() os.exit(7) end)() end
if how == "error" then error("oh", 0) end
END
for world in interpreters processes; do
  gives 0 'late' "\$program --world $world children.lua"
  gives 5 'late' "\$program --world $world children.lua exit"
  gives 6 'late' "\$program --world $world children.lua close"
  gives 7 'late' "\$program --world $world children.lua coroutine"
  # The error may be printed before the text of the child, or after it.
  gives 1 'manymoons: oh*late' "\$program --world $world children.lua error >printed; code=\$?; cat printed; (exit \$code)"
done
exit $wrong
