#!/bin/sh
# SPDX-License-Identifier: MIT
# A wrong command line: one line on stderr that says what is meant and names --help, and exit status 2. `manymoons help`.
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
program=$MM_BUILD/manymoons
unset MANYMOONS_WORLD LUA_INIT LUA_INIT_5_4
wrong=0
echo 'print(1)' >x.lua
mkdir folder
url=redis://127.0.0.1:1/0

# says STATUS LINE COMMAND…: nothing on stdout, and on stderr one line, which is a pattern of the shell.
says() {
  wanted_status=$1 wanted=$2
  shift 2
  "$program" "$@" >out 2>err </dev/null
  status=$?
  # shellcheck disable=SC2254 # it is a pattern
  case $(cat err) in
    $wanted) [ "$status" = "$wanted_status" ] && [ "$(wc -l <err)" = 1 ] && [ ! -s out ] && return ;;
  esac
  echo "$*: status $status, expected $wanted_status and: $wanted"
  cat out err
  wrong=1
}

says 2 "manymoons: no script or command 'comapre': did you mean 'compare'? (try --help)" comapre x.lua
says 2 "manymoons: unrecognized option '--wrold': did you mean '--world'? (try --help)" --wrold serial x.lua
says 2 "manymoons: unrecognized option '--wrold=serial': did you mean '--world'? (try --help)" --wrold=serial x.lua
says 2 "manymoons compare: unknown option '--wrold': did you mean '--world'? (try --help)" compare --wrold serial x.lua
says 2 "manymoons compare: unknown option '--run': did you mean '--runs'? (try --help)" compare --run 3 x.lua
says 2 "manymoons compare: no world 'procs': did you mean 'processes'? (there are: *) (try --help)" compare --worlds procs x.lua
says 2 "manymoons: unrecognized option '-vv': did you mean '-v'? (try --help)" -vv
says 2 "manymoons: unrecognized option '-x' (try --help)" -x x.lua
says 2 "manymoons: '-e' needs argument (try --help)" -e
says 2 "manymoons: no command 'tpo': did you mean 'top'? (try --help)" help tpo
says 2 "manymoons top: unknown option '--onec': did you mean '--once'? (try --help)" top --onec
says 2 "manymoons stack: which program? * (try --help)" stack
says 2 "manymoons map: unknown option '--unorderd': did you mean '--unordered'? (try --help)" map --unorderd "x * 2" x.lua
says 2 "manymoons map: --world: no world 'procs': did you mean 'processes'? (there are: *) (try --help)" \
  map --world procs "x * 2" x.lua
says 2 "manymoons trace: unknown option '--htm': did you mean '--html'? (try --help)" trace --htm page.html x.lua
says 2 "manymoons profile: unknown option '--mdoe': did you mean '--mode'? (try --help)" profile --mdoe wall x.lua
says 2 "manymoons worker: unknown option '--pol': did you mean '--pool'? (try --help)" worker $url --pol jobs
says 2 "manymoons worker: broker: redis://, * expected, got http:// *(try --help)" worker http://localhost --pool jobs
says 2 "manymoons worker: --secret-file: /nonexist: No such file or directory (try --help)" \
  worker $url --pool jobs --secret-file /nonexist
says 2 "manymoons pool: unknown option '--jsn': did you mean '--json'? (try --help)" pool $url jobs --jsn
says 2 "manymoons pool: broker: redis://, * expected, got http:// *(try --help)" pool http://localhost jobs
says 2 "manymoons pool: --secret-file: /nonexist: No such file or directory (try --help)" \
  pool $url jobs --secret-file /nonexist
# As the program lua says it.
says 1 "manymoons: cannot open nothing.lua: No such file or directory" nothing.lua
says 1 "manymoons: cannot read folder: Is a directory" folder

# A file of that name is a script.
echo 'print(2)' >comapre
[ "$("$program" comapre)" = 2 ] || { echo "a script called comapre is not run"; wrong=1; }

for command in compare map top stack worker pool post profile trace; do
  "$program" help $command >helped 2>err </dev/null || { echo "help $command fails"; wrong=1; }
  "$program" $command --help >out 2>&1 </dev/null
  cmp -s out helped && grep -q '^usage: manymoons' helped && [ ! -s err ] || { echo "help $command: other text"; wrong=1; }
done
"$program" help >helped && "$program" --help | cmp -s - helped || { echo "help is not --help"; wrong=1; }
exit $wrong
