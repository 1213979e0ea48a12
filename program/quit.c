/* SPDX-License-Identifier: MIT */
#include "quit.h"

#include <stdio.h>

#include "os/process.h"
#include "os/signals.h"

/* The handler cannot find them otherwise; listed in vm/README.md. Set before it is installed. */
static struct {
  const char *program;
  char pid[16];
} own;

static void on_quit(int number) {
  (void)number;
  char name[] = "manymoons", command[] = "stack";
  char *const words[] = {name, command, own.pid, NULL};
  process_run_aside(own.program, words);
}

/* Also where the signal is ignored, as shells have it for programs in the background: there it would end
 * nothing either. */
void quit_catch(void) {
  own.program = process_own_path();
  snprintf(own.pid, sizeof own.pid, "%d", (int)process_pid());
  signals_handle_quietly(SIGQUIT, on_quit);
}
