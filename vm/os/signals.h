/* SPDX-License-Identifier: MIT */
/* The few things we do with signals.
 *
 * The library installs one handler, and only when a VM on a thread of ours is interrupted for the
 * first time: for SIGURG, which is ignored by default and which hosts do not use. If the host uses
 * it, no handler is installed; a stop takes effect at the next call into this library.
 */
#ifndef OS_SIGNALS_H
#define OS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "base/status.h"

enum { SIGNAL_INTERRUPT = SIGURG };

/* `handler` runs on the interrupted thread; system calls it waits in end with EINTR.
 * -EBUSY: the host has a handler of its own there. Calling it again is free. */
MUST_CHECK status signals_on_interrupt(void (*handler)(int));
/* `handler` runs on the thread that is asked to make way for another one of its VM; system calls are taken up
 * again, so nobody notices. It has a real-time signal that nobody uses. -EBUSY: there is none. */
MUST_CHECK status signals_on_request(void (*handler)(int));
/* That signal; 0 before. */
int signals_request_number(void);
/* Threads of ours begin with all signals blocked: the first use of a thread-local variable may allocate,
 * which a handler must not. Once bound to a VM (vm_bind_thread) they let in what the handlers are for. */
void signals_let_interrupts_in(void);
/* Unblocks the signal of requests in the calling thread; without such a signal nothing happens. */
void signals_let_requests_in(void);
/* This process ends as if nobody had caught that signal; returns where it does not end a process. */
void signals_end_process(int number);
/* Whether the process ignores the signal, as nohup has it ignore SIGHUP. */
bool signals_is_ignored(int number);
/* `handler`, SIG_DFL or SIG_IGN for a signal; while the handler runs `other` waits, too. For
 * programs of ours alone. Async-signal-safe. */
void signals_handle(int number, void (*handler)(int), int other);
/* The same with system calls that are taken up again. For programs of ours alone. */
void signals_handle_quietly(int number, void (*handler)(int));
/* From now on SIGINT, SIGTERM and SIGHUP are not delivered to this thread, nor to those it starts, but read
 * from *fd (close-on-exec, never blocks), which the caller closes. For programs of ours alone. */
MUST_CHECK status signals_open_descriptor(int *fd);
/* The number of the next one; 0: none. */
int signals_read_descriptor(int fd);
/* A new process of ours: the terminal's Ctrl-C and Ctrl-\\ are for the parent, which then stops us; a stream whose
 * reader has gone is an error of the write, for one worker after the other would die of it; all else
 * is default. */
void signals_reset_in_child(void);

#endif
