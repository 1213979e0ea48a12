/* SPDX-License-Identifier: MIT */
/* A program that stands still: each of its threads waits, without a deadline, for what only another one of them could
 * do. Nothing ends that but a signal, or another program. One line on stderr says so once it has lasted for some
 * seconds, with what each waits for and how to see more.
 *
 * A library says nothing that its host did not ask for. So the host program says it, after STANDSTILL_SECONDS; the
 * module does where the environment asks for it:
 *
 *     MANYMOONS_STANDSTILL=SECONDS         after so many seconds; 0: never
 *     MANYMOONS_STANDSTILL=SECONDS,FILE    appended to the file, for hosts without a stderr
 *
 * The main VM alone says it. What is said was proven (shared/wait_graph.h, I6): no clock decides it.
 */
#ifndef BINDINGS_CORE_STANDSTILL_H
#define BINDINGS_CORE_STANDSTILL_H

#include "shared/wait_graph.h"
#include "state/vm.h"

#define STANDSTILL_SECONDS 5.0

/* `usual`: after how many seconds it is said where the environment does not say; 0: never. */
void standstill_follow_environment(struct vm *vm, double usual);
/* For each look of a thread that waits. Any thread of the VM, with its lock or without. */
void standstill_look(const struct vm *vm, struct standstill *seen);

#endif
