/* SPDX-License-Identifier: MIT */
/* Tracing: the marks with which the rest of the program records what happens when.
 *
 * While nothing is recorded a mark is a load and a branch that is not taken. While something is, it
 * reads the clock and stores one event of sixteen bytes in memory of this thread alone (lane.h): no
 * lock, no system call, and one allocation in four thousand events. Starting and stopping a
 * recording: trace/recorder.h.
 *
 * A thread sets its name and its VM also while nothing is recorded: a recording may start later.
 * All functions: any thread, about itself.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include "shared/ring.h"

enum trace_kind {
  TRACE_LOCK_WAIT = 1, /* another thread holds the VM's lock, and this one waits for it */
  TRACE_LOCK_TAKEN,
  TRACE_LOCK_LEFT, /* before the release, so that no two threads seem to hold it */
  TRACE_WORKER_START,
  TRACE_WORKER_END,
  TRACE_TASK_START, /* the value is the task's number */
  TRACE_TASK_END,
  TRACE_PUT, /* the value is the message's id, the same at both ends */
  TRACE_TAKE,
  TRACE_SAMPLE,       /* a profile looked at a thread: its number, and that of its stack */
  TRACE_SAMPLE_TIMES, /* behind each SAMPLE: how long it had that stack, and stood ready with it */
};

/* The calls for which a thread leaves the lock. NONE: to make way for other threads, or because
 * there is nothing to do. */
#define TRACE_CALLS(x)                                                                             \
  x(NONE, "") x(UNKNOWN, "blocked") x(PUT, "put") x(GET, "get") x(SEND, "send") x(RECEIVE, "recv") \
      x(JOIN, "join") x(SLEEP, "sleep") x(WAIT, "wait") x(RESULT, "result") x(ACQUIRE, "acquire")  \
          x(MEASURE, "measure") x(TRACE, "trace") x(FILE, "file") x(COMMAND, "command")

#define TRACE_CALL_CONSTANT(name, text) TRACE_CALL_##name,
enum trace_call { TRACE_CALLS(TRACE_CALL_CONSTANT) TRACE_CALL_COUNT };

/* What the marks below call while something is recorded. */
void trace_record(enum trace_kind kind, uint64_t value);
/* The next event of a lock that is left has it. */
void trace_record_call(enum trace_call call);
/* The time of the event is that of the put itself. */
void trace_record_put(const struct ring *ring, const struct ring_receipt *receipt);
/* The end of the arrow that trace_record_put began. */
void trace_record_take(const struct ring *ring, const struct ring_message *message);
/* The same with the time of the thread's last event. */
void trace_record_take_again(const struct ring *ring, const struct ring_message *message);
/* A message of a queue that has no ring, by its number there. */
void trace_record_local(enum trace_kind kind, const void *queue, uint64_t number);
/* With the time of the thread's last event. */
void trace_record_again(enum trace_kind kind, uint64_t value);

/* One load, in every mark: nearly always false. */
static inline bool trace_is_on(void) { return __builtin_expect(segment_recording() != 0, 0); }

/* Records that it happens now, in the calling thread. */
static inline void trace_mark(enum trace_kind kind) {
  if (trace_is_on()) trace_record(kind, 0);
}
/* The same with a value, whose meaning enum trace_kind says. */
static inline void trace_mark_value(enum trace_kind kind, uint64_t value) {
  if (trace_is_on()) trace_record(kind, value);
}
/* A mark with the time of this thread's last one: half the cost, most of which is the clock. */
static inline void trace_mark_again(enum trace_kind kind, uint64_t value) {
  if (trace_is_on()) trace_record_again(kind, value);
}
/* Names the call for which this thread will leave the lock next. */
static inline void trace_call_next(enum trace_call call) {
  if (trace_is_on()) trace_record_call(call);
}
/* For a message that was there at once. */
static inline void trace_take(const struct ring *ring, const struct ring_message *message) {
  if (trace_is_on()) trace_record_take(ring, message);
}
/* For a message that was waited for: it has the time at which the lock was taken again. */
static inline void trace_take_again(const struct ring *ring, const struct ring_message *message) {
  if (trace_is_on()) trace_record_take_again(ring, message);
}
/* A profile (vm/profile) found this stack on `thread` of this process, and charged it with `all_us`, of
 * which the thread was ready without a processor for `ready_us`. The event stands in the lane of the
 * caller, which looked. */
static inline void trace_sample(int32_t thread, uint32_t stack, uint32_t all_us, uint32_t ready_us) {
  if (!trace_is_on()) return;
  trace_record(TRACE_SAMPLE, (uint64_t)(uint32_t)thread << 32 | stack);
  trace_record_again(TRACE_SAMPLE_TIMES, (uint64_t)all_us << 32 | ready_us);
}
/* For queues that are no rings; `number` is the message's, counted from 1 at both ends. */
static inline void trace_local(enum trace_kind kind, const void *queue, uint64_t number) {
  if (trace_is_on()) trace_record_local(kind, queue, number);
}

/* Gives a VM its number, for trace_thread_runs_vm; there 0 means that the thread runs none any
 * more. */
uint32_t trace_number_vm(void);
/* The calling thread runs VM `number` from now on; 0: none. */
void trace_thread_runs_vm(uint32_t number);
/* The calling thread, which ran no VM, ends: it gives its lane up. */
void trace_thread_ends(void);
/* Cuts a name that is too long. */
void trace_name_thread(const char *name);

/* Marks the start and the end of the worker that this thread is, or this process with one
 * thread. */
void trace_worker_start(void);
/* The calling thread is a worker no longer, and gives its lane up. */
void trace_worker_end(void);

#endif
