# SPDX-License-Identifier: MIT
# Functions for tests that need a terminal: they run a program on a pseudo-terminal, type into it, and wait for its
# output. One terminal at a time, in the current directory. Source this file.
#
#   terminal_open COMMAND     starts it (NAME=VALUE may stand before it); terminal_expect, terminal_type, …; terminal_close
#   terminal_expect TEXT      waits until TEXT is shown after what was expected before; fails after MM_HANG seconds
#   terminal_type TEXT        as printf's %b: \r is the return key, \003 is Ctrl-C, \004 is Ctrl-D
#   terminal_close            waits for the program's end; $terminal_status is its exit status

script -qfec true /dev/null >/dev/null 2>&1 </dev/null || {
  echo "this machine has no pseudo-terminals"
  exit 77
}

# The shell of `script` replaces itself by the command; otherwise it would get the same Ctrl-C and end with 130.
terminal_open() {
  rm -f terminal.in terminal.out
  mkfifo terminal.in
  : >terminal.out
  terminal_seen=0
  SHELL=/bin/sh env --default-signal=INT script -qfec "exec env $1" /dev/null <terminal.in >terminal.out 2>&1 &
  terminal_pid=$!
  exec 7>terminal.in
}

terminal_type() { printf '%b' "$1" >&7; }

terminal_expect() {
  terminal_tries=0
  until terminal_found=$(tail -c +$((terminal_seen + 1)) terminal.out | grep -abom1 -F -e "$1"); do
    terminal_tries=$((terminal_tries + 1))
    if [ $terminal_tries -gt $((${MM_HANG:-60} * 50)) ]; then
      echo "waited for '$1'; the terminal shows:"
      cat -v terminal.out
      kill $terminal_pid
      exit 1
    fi
    sleep 0.02
  done
  terminal_found=$(printf '%s\n' "$terminal_found" | head -n 1)
  terminal_seen=$((terminal_seen + ${terminal_found%%:*} + ${#1}))
}

terminal_close() {
  exec 7>&-
  terminal_status=0
  wait $terminal_pid || terminal_status=$?
}
