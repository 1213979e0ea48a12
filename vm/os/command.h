/* SPDX-License-Identifier: MIT */
/* Commands of the shell that a script runs: what system(3) and popen(3) start, but with a descriptor for the
 * end, so that the wait for it can be any wait.
 *
 * The caller's thread is the one that the kernel calls the starter (os/process.h: process_end_children).
 * A command begins with no signal blocked, whatever the caller's thread blocks.
 */
#ifndef OS_COMMAND_H
#define OS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

struct command {
  int32_t pid;
  int32_t starter; /* the process that started it, which alone can reap it */
  int pidfd;       /* readable once it has ended; -1: the host reaps its children at once */
};

enum command_stream {
  COMMAND_OUTPUT, /* the stream reads what the command writes */
  COMMAND_INPUT,  /* the stream writes what the command reads */
};

/* `sh -c text`. The caller ends it with command_reap. */
MUST_CHECK status command_start(struct command *c, const char *text);
/* The same with a stream to or from it, which the caller closes. */
MUST_CHECK status command_open(struct command *c, const char *text, enum command_stream direction,
                               FILE **stream);
/* Takes the end of the command, which has come or is waited for: *report as of waitpid. -ECHILD: somebody else
 * has taken it, or another process started the command. */
MUST_CHECK status command_reap(struct command *c, int *report);
/* How it ended: with an exit code, or by a signal. */
struct command_end {
  bool is_exit;
  int number;
};
struct command_end command_end_of(int report);
/* The same for one whose end nobody wants. False: it has not come yet. */
bool command_reap_if_ended(struct command *c);
/* SIGKILL for the shell, if it has not been reaped, and for what it has started. */
void command_kill(const struct command *c);

/* As in system(3): from the first begin to the last end the process ignores SIGINT and SIGQUIT, which the
 * terminal sends to the command as well; it is the command that answers them. */
void command_hold_signals(void);
void command_let_signals(void);

#endif
