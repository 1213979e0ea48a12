#!/bin/bash
# SPDX-License-Identifier: MIT
# The completions that the packages install: bash's is run in a bash, with each option that a --help says; those of zsh and
# fish where these shells are installed.
[ "${BASH_VERSION:-}" ] || exec bash "$0" # tests are run by sh
set -u
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here" || exit
completions=$MM_TOP/packaging/completions
export PATH="$MM_BUILD:$PATH"
wrong=0
complain() { echo "$1"; wrong=1; }

: >script.lua
: >data.txt
mkdir folder
# shellcheck source=/dev/null
. "$completions/manymoons.bash"
[ "$(complete -p manymoons)" = "complete -F _manymoons manymoons" ] || complain "it is not registered"

# offers WORDS… EXPECTED: what the last word may become, in a line that is split as bash does
offers() {
  local expected=${*: -1}
  COMP_WORDS=("${@:1:$#-1}")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _manymoons
  local got
  got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
  [ "${got% }" = "$expected" ] || complain "${COMP_WORDS[*]}: $got"
}

offers manymoons comp 'compare'
offers manymoons scr 'script.lua'
offers manymoons --wo '--world'
offers manymoons --world thr 'threads'
offers manymoons --world '=' 'async interpreters processes serial threads'
offers manymoons --world '=' se 'serial'
offers manymoons --world serial trace --ht '--html'
offers manymoons -e 'print(1)' sta 'stack'
offers manymoons -e '' ''
offers manymoons compare --worl '--world --worlds'
offers manymoons compare --worlds serial,thr 'serial,threads'
offers manymoons compare --lua '5.1,luaj' '5.1,luajit'
offers manymoons compare --runs au 'auto'
offers manymoons compare --runs 5 scr 'script.lua'
offers manymoons compare --html da 'data.txt'
offers manymoons compare script.lua -- ''
offers manymoons compare script.lua da 'data.txt'
offers manymoons compare --runs '=' 5 --cs '--csv'
offers manymoons profile --mode '' 'cpu lock wall'
offers manymoons profile --format '=' sp 'speedscope'
offers manymoons worker --read 'data.txt,fol' 'data.txt,folder'
offers manymoons pool redis://host jobs --dea '--dead'
offers manymoons script.lua --wo ''
offers manymoons script.lua da 'data.txt'

# Each command, and each option of each of them.
offers manymoons help comp 'compare'
commands=$(sed -n "s/.*local commands='\(.*\) help'/\1/p" "$completions/manymoons.bash")
for command in '' $commands; do
  # shellcheck disable=SC2086
  for option in $(manymoons $command --help | grep -o '^  --\?[a-zA-Z][a-z-]*'); do
    # shellcheck disable=SC2086
    offers manymoons $command "$option" "$(printf '%s\n' "$(_manymoons_options "$command") $(_manymoons_options '')" |
      tr ' ' '\n' | grep -e "^$option" | sort -u | tr '\n' ' ' | sed 's/ $//')" 2>/dev/null
    case " $(_manymoons_options "$command") " in *" $option "*) ;; *) complain "'$command' lacks $option" ;; esac
  done
done
for command in $(cd "$MM_TOP/bindings/lua/cli" && ls ./*.lua); do
  command=$(basename "$command" .lua)
  COMP_WORDS=(manymoons "$command") COMP_CWORD=1
  _manymoons
  [ "${COMPREPLY[0]:-}" = "$command" ] || complain "no command $command"
  [ -f "$MM_TOP/docs/man/manymoons-$command.1" ] || complain "no manual of $command"
done

# A PID of a running program.
: >ready
manymoons -e 'require("manymoons").Pool(1) io.write("ready\n") io.flush() io.read()' <>/dev/zero >ready 2>&1 &
program=$!
until grep -q ready ready; do sleep 0.02; done
COMP_WORDS=(manymoons stack '') COMP_CWORD=2
_manymoons
case " ${COMPREPLY[*]} " in *" $program "*) ;; *) complain "no PID $program: ${COMPREPLY[*]}" ;; esac
kill $program
wait $program 2>/dev/null

if command -v zsh >/dev/null; then zsh -n "$completions/_manymoons" || complain "zsh"; fi
if command -v fish >/dev/null; then
  got=$(fish -N -c "source '$completions/manymoons.fish'; complete -C 'manymoons compare --worlds thr'" | cut -f1)
  [ "$got" = threads ] || complain "fish: $got"
fi
exit $wrong
