/* SPDX-License-Identifier: MIT */
/* Ctrl-C in the host program.
 *
 * SIGINT requests a stop of the main VM: an error that the script cannot catch for good ends the
 * running code. main.c then prints "interrupted" once and exits with 130; the REPL drops the line
 * instead. The request is repeated until it is settled, because a signal that arrives just before a
 * wait begins does not end the wait.
 *
 * One press may arrive as several signals: from the program's parent, and to the whole process
 * group. So only a SIGINT that comes 0.2 s or more after the first counts as a second press, which
 * ends the program at once. That is the way out of a C function that does not return.
 *
 * Only the main thread calls these functions. The threads of interpreters block these signals.
 */
#ifndef PROGRAM_CTRL_C_H
#define PROGRAM_CTRL_C_H

#include "state/vm.h"

/* Lets Ctrl-C stop `vm`, which this thread runs. Does nothing if SIGINT is ignored, for example by
 * nohup. */
void ctrl_c_catch(struct vm *vm);
/* Whether there was a press that is not settled. */
bool ctrl_c_was_pressed(void);
/* Ends the request; the next press is a first one. */
void ctrl_c_settle(void);
/* Lets Ctrl-C end the program at once from now on. Call it before the VM is closed. */
void ctrl_c_release(void);
/* For the cleanup of an interrupted program: if it takes longer than 0.7 s (a finalizer, a C
 * function in a thread, a full pipe), the program exits with `exit_status`. Call it after
 * ctrl_c_release. */
void ctrl_c_limit_cleanup(int exit_status);
/* Waits until `fd` is readable, outside of `vm`, whose other threads run meanwhile. False: Ctrl-C was pressed, before
 * or during the wait. */
bool ctrl_c_wait_readable(struct vm *vm, int fd);

#endif
