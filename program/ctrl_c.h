/* SPDX-License-Identifier: MIT */
/* Ctrl-C in the host program.
 *
 * SIGINT asks the main VM to stop: an error that nothing in the script can catch for good ends what
 * runs, and main.c then says "interrupted" once and leaves with 130; the REPL gives up the line
 * instead. Until that is settled the request is repeated, for a signal may strike just before a
 * wait begins, and would not end it.
 *
 * One press may arrive as several signals: from the program that runs us, and then to our
 * whole process group. So only a SIGINT that comes a while after the first one counts as the
 * second press, which ends the program at once: that is the way out of a C function which
 * does not come back.
 *
 * Everything here is called by the main thread. The threads of interpreters block these signals.
 */
#ifndef PROGRAM_CTRL_C_H
#define PROGRAM_CTRL_C_H

#include "state/vm.h"

/* From now on Ctrl-C stops `vm`, which this thread runs. Nothing happens if SIGINT is
 * ignored, as nohup does. */
void ctrl_c_catch(struct vm *vm);
/* A press that was not settled yet. */
bool ctrl_c_was_pressed(void);
/* What was interrupted is over; the next press is a first one. */
void ctrl_c_settle(void);
/* Ctrl-C ends the program at once from here on. Before the VM is closed. */
void ctrl_c_release(void);
/* The program was interrupted and cleans up: if that takes too long (a finalizer, a C function in a thread, a
 * program behind a pipe), it ends all the same, with `exit_status`. After ctrl_c_release. */
void ctrl_c_limit_farewell(int exit_status);
/* Waits until `fd` can be read; false: Ctrl-C was pressed, before or while it waited. */
bool ctrl_c_wait_readable(int fd);

#endif
