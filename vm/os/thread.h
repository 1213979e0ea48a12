/* SPDX-License-Identifier: MIT */
/* OS threads. A thread made here begins with all signals blocked (os/signals.h says which
 * thread lets which in). */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct thread {
  pthread_t handle;
};

/* Runs entry(argument) on a new thread, which the caller owns and must join. Its stack has
 * thread_stack_size() bytes if there is address space for that. `name`: at most 15 bytes are
 * shown. */
MUST_CHECK status thread_start(struct thread *out, void (*entry)(void *), void *argument, const char *name);
/* The same with a stack of that many bytes. */
MUST_CHECK status thread_start_with_stack(struct thread *out, void (*entry)(void *), void *argument,
                                          const char *name, size_t stack_size);
/* As large as the main thread's may get (ulimit -s), from 1 MiB to 8 MiB: what Lua's limit of 200
 * nested C calls allows in the main thread works in every thread. */
size_t thread_stack_size(void);
/* The calling thread's, for those who look at it from outside: at most 15 bytes. */
void thread_set_name(const char *name);
/* Of the calling thread alone: 0 … 19, higher ones give way to others. What the system refuses
 * is left as it is. */
void thread_be_nice(int nice_value);
/* Waits until the thread has ended, without a deadline: once, for a thread that is about to end. */
void thread_join(struct thread *t);
/* Gives the thread up: nobody will join it. Only for a thread that cannot be stopped. */
void thread_detach(struct thread *t);
/* The calling thread, which nobody may join by this copy. */
struct thread thread_self(void);
/* Sends `signal_number` to a thread that has not been joined. */
void thread_signal(const struct thread *t, int signal_number);

/* Whether that is the calling thread, or one that ended before it began. */
bool thread_is_current(const struct thread *t);

/* The kernel's number of the calling thread; that of a process's first thread is its pid. */
int32_t thread_kernel_id(void);
/* Sends the signal that the caller handles to the process's first thread. False: that is the caller.
 * Async-signal-safe. */
bool thread_pass_to_first(int signal_number);
/* Sends `signal_number` to a thread of this process by its number. Nothing if it has ended. */
void thread_signal_number(int32_t number, int signal_number);
/* What the kernel says of a thread of this process. */
struct thread_activity {
  bool is_runnable;      /* it runs, or is ready and has no processor; else it sleeps */
  uint64_t ran_ns;       /* in all, up to now */
  uint64_t was_ready_ns; /* without a processor, in all; 0 where the kernel does not count it */
};
/* STATUS_EMPTY: there is no such thread. */
MUST_CHECK status thread_read_activity(int32_t number, struct thread_activity *out);
/* From now on `in_child` runs in each child that is forked, on its only thread, before fork
 * returns. -ENOMEM. */
MUST_CHECK status thread_on_fork(void (*in_child)(void));

/* How many threads this process has, as the kernel counts them; 0 when it does not say. */
int thread_count(void);

#endif
