# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bash completion of manymoons. Made by `make docs` from what `manymoons --help` and its commands print.

# What stands behind the options of a command: file, pid or both.
_manymoons_operands() {
  case $1 in
    '') echo 'file' ;;
    compare) echo 'file' ;;
    top) echo 'pid' ;;
    stack) echo 'pid' ;;
    dashboard) echo 'pid' ;;
    map) echo 'file' ;;
    profile) echo 'file pid' ;;
    trace) echo 'file' ;;
    help) echo 'commands' ;;
  esac
}

_manymoons_options() {
  case $1 in
    '') echo '-e -l -i -v --version -E -W --world -h --help' ;;
    compare) echo '--runs --warmup --worlds --workers --chunks --lua --pin --timeout --html --profile --trace --json --csv' ;;
    top) echo '--once --json' ;;
    dashboard) echo '--listen --token-file --secret-file --password-file' ;;
    worker) echo '--pool --strict --slots --memory --processes --sandbox --read --write --network --import --json --secret-file --password-file --lease --grace --max-tasks --task-timeout --metrics --name' ;;
    pool) echo '--json --prometheus --dead --show --retry --edit --args --delete --match --task --schedules --cancel --pause --resume --purge --secret-file --password-file' ;;
    post) echo '--json --wait --delay --at --retries --backoff --timeout --unique --rate --priority --at-most --key --ttl --secret-file --password-file' ;;
    map) echo '--json --filter --reduce --init --files --block --unordered -j --world --broker --pool --secret-file --password-file --timeout --retries --chunksize --halt --joblog --resume --resume-failed --bar --dry-run -h --help' ;;
    profile) echo '-o --format --top --mode --rate --seconds --diff -h --help' ;;
    trace) echo '-o --html -h --help' ;;
  esac
}

# What the value of an option of a command is; nothing: it has none, or there is no such option.
_manymoons_value() {
  case $1:$2 in
    :-e) echo 'other' ;;
    :-l) echo 'other' ;;
    :--world) echo 'words serial async threads interpreters processes' ;;
    compare:--runs) echo 'words auto' ;;
    compare:--warmup) echo 'other' ;;
    compare:--worlds) echo 'list serial async threads interpreters processes' ;;
    compare:--workers) echo 'other' ;;
    compare:--chunks) echo 'list auto' ;;
    compare:--lua) echo 'list 5.1 5.3 5.4 luajit' ;;
    compare:--timeout) echo 'other' ;;
    compare:--html) echo 'file' ;;
    compare:--trace) echo 'file' ;;
    compare:--json) echo 'file' ;;
    compare:--csv) echo 'file' ;;
    dashboard:--listen) echo 'other' ;;
    dashboard:--token-file) echo 'file' ;;
    dashboard:--secret-file) echo 'file' ;;
    dashboard:--password-file) echo 'file' ;;
    worker:--pool) echo 'other' ;;
    worker:--slots) echo 'other' ;;
    worker:--memory) echo 'other' ;;
    worker:--read) echo 'files' ;;
    worker:--write) echo 'files' ;;
    worker:--import) echo 'other' ;;
    worker:--secret-file) echo 'file' ;;
    worker:--password-file) echo 'file' ;;
    worker:--lease) echo 'other' ;;
    worker:--grace) echo 'other' ;;
    worker:--max-tasks) echo 'other' ;;
    worker:--task-timeout) echo 'other' ;;
    worker:--metrics) echo 'other' ;;
    worker:--name) echo 'other' ;;
    pool:--show) echo 'other' ;;
    pool:--retry) echo 'other' ;;
    pool:--edit) echo 'other' ;;
    pool:--args) echo 'other' ;;
    pool:--delete) echo 'other' ;;
    pool:--match) echo 'other' ;;
    pool:--task) echo 'other' ;;
    pool:--cancel) echo 'other' ;;
    pool:--secret-file) echo 'file' ;;
    pool:--password-file) echo 'file' ;;
    post:--wait) echo 'other' ;;
    post:--delay) echo 'other' ;;
    post:--at) echo 'other' ;;
    post:--retries) echo 'other' ;;
    post:--backoff) echo 'other' ;;
    post:--timeout) echo 'other' ;;
    post:--unique) echo 'other' ;;
    post:--rate) echo 'other' ;;
    post:--priority) echo 'other' ;;
    post:--at-most) echo 'other' ;;
    post:--key) echo 'other' ;;
    post:--ttl) echo 'other' ;;
    post:--secret-file) echo 'file' ;;
    post:--password-file) echo 'file' ;;
    map:--reduce) echo 'other' ;;
    map:--init) echo 'other' ;;
    map:--block) echo 'other' ;;
    map:-j) echo 'other' ;;
    map:--world) echo 'words serial async threads interpreters processes' ;;
    map:--broker) echo 'other' ;;
    map:--pool) echo 'other' ;;
    map:--secret-file) echo 'file' ;;
    map:--password-file) echo 'file' ;;
    map:--timeout) echo 'other' ;;
    map:--retries) echo 'other' ;;
    map:--chunksize) echo 'other' ;;
    map:--halt) echo 'other' ;;
    map:--joblog) echo 'file' ;;
    profile:-o) echo 'file' ;;
    profile:--format) echo 'words html speedscope folded text' ;;
    profile:--top) echo 'other' ;;
    profile:--mode) echo 'words cpu wall lock' ;;
    profile:--rate) echo 'other' ;;
    profile:--seconds) echo 'other' ;;
    trace:-o) echo 'file' ;;
    trace:--html) echo 'file' ;;
  esac
}

# Of a command's own option, or else of the program's, which may stand behind a command as well.
_manymoons_kind() {
  local kind
  kind=$(_manymoons_value "$1" "$2")
  [[ $kind ]] || kind=$(_manymoons_value '' "$2")
  printf '%s' "$kind"
}

# Words without a space behind them where more of a list may follow.
_manymoons_offer() { # KIND CURRENT
  local kind=$1 current=$2 head=
  case $kind in
    list* | files) [[ $current == *,* ]] && head=${current%,*}, ; compopt -o nospace 2>/dev/null ;;
  esac
  case $kind in
    commands) mapfile -t COMPREPLY < <(compgen -W 'compare top stack dashboard worker pool post map profile trace' -- "$current") ;;
    words* | list*) mapfile -t COMPREPLY < <(compgen -P "$head" -W "${kind#* }" -- "${current##*,}") ;;
    file | files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -P "$head" -f -- "${current##*,}")
      ;;
    pid)
      mapfile -t COMPREPLY < <(compgen -W "$(manymoons top --once 2>/dev/null | grep -o '^ *[0-9]\+')" -- "$current")
      ;;
  esac
}

_manymoons() {
  local commands='compare top stack dashboard worker pool post map profile trace help'
  local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} command='' place=1 word kind operands
  COMPREPLY=()
  if [[ $current == = ]]; then
    current=
  elif [[ $option == = ]]; then
    option=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  while ((place < COMP_CWORD)); do
    word=${COMP_WORDS[place]}
    if [[ $word == -?* ]]; then
      kind=$(_manymoons_kind "$command" "$word")
      if [[ ${COMP_WORDS[place + 1]} == = ]]; then
        ((place += 2))
      elif [[ $kind ]]; then
        ((place++))
      fi
    elif [[ ! $command && " $commands " == *" $word "* ]]; then
      command=$word
    elif [[ $(_manymoons_operands "$command") == *file* ]]; then # the arguments of a script
      _manymoons_offer file "$current"
      return
    fi
    ((place++))
  done
  kind=
  if [[ $option == -?* ]]; then kind=$(_manymoons_kind "$command" "$option"); fi
  if [[ $kind ]]; then
    _manymoons_offer "$kind" "$current"
  elif [[ $current == -* ]]; then
    word="$(_manymoons_options "$command") $(_manymoons_options '')"
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current" | sort -u)
  else
    operands=$(_manymoons_operands "$command")
    [[ $operands == commands ]] && _manymoons_offer commands "$current"
    [[ $operands == *file* ]] && _manymoons_offer file "$current"
    if [[ $operands == *pid* ]]; then
      local files=("${COMPREPLY[@]}")
      _manymoons_offer pid "$current"
      COMPREPLY+=("${files[@]}")
    fi
    if [[ ! $command ]]; then
      local names
      mapfile -t names < <(compgen -W "$commands" -- "$current")
      COMPREPLY+=("${names[@]}")
    fi
  fi
}

complete -F _manymoons manymoons manymoons-luajit
