/* SPDX-License-Identifier: MIT */
/* What happened when: the marks that the rest of the program makes.
 *
 * While nothing is recorded a mark is a load and a branch that is not taken. While something is, it
 * is a look at the clock and one event of sixteen bytes in memory that is this thread's own
 * (lane.h): no lock, no system call, and no memory asked for but once in four thousand events.
 * Starting a recording, and reading it at the end: trace/recorder.h.
 *
 * A thread tells its name and its VM whether something is recorded or not: a recording may start
 * later. All functions: any thread, about itself.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include "shared/ring.h"

enum trace_kind {
  TRACE_LOCK_WAIT = 1, /* another thread has the VM's lock, and this one waits for it */
  TRACE_LOCK_TAKEN,
  TRACE_LOCK_LEFT, /* before it is free, so that no other thread seems to have it at the same time */
  TRACE_WORKER_START,
  TRACE_WORKER_END,
  TRACE_TASK_START, /* the value is the task's number */
  TRACE_TASK_END,
  TRACE_PUT, /* the value is the message's id, the same at both ends */
  TRACE_TAKE,
};

/* What a thread leaves the lock for. NONE: to let others have their turn, or because there
 * is nothing to do. */
#define TRACE_CALLS(x)                                                                             \
  x(NONE, "") x(UNKNOWN, "blocked") x(PUT, "put") x(GET, "get") x(SEND, "send") x(RECEIVE, "recv") \
      x(JOIN, "join") x(SLEEP, "sleep") x(WAIT, "wait") x(RESULT, "result") x(ACQUIRE, "acquire")  \
          x(MEASURE, "measure") x(TRACE, "trace")

#define TRACE_CALL_CONSTANT(name, text) TRACE_CALL_##name,
enum trace_call { TRACE_CALLS(TRACE_CALL_CONSTANT) TRACE_CALL_COUNT };

/* Where the marks below go while something is recorded. */
void trace_record(enum trace_kind kind, uint64_t value);
void trace_record_call(enum trace_call call);
void trace_record_put(const struct ring *ring, const struct ring_receipt *receipt);
void trace_record_take(const struct ring *ring, const struct ring_message *message);
void trace_record_take_again(const struct ring *ring, const struct ring_message *message);
void trace_record_local(enum trace_kind kind, const void *queue, uint64_t number);
void trace_record_again(enum trace_kind kind, uint64_t value);

static inline bool trace_is_on(void) { return __builtin_expect(segment_recording() != 0, 0); }

static inline void trace_mark(enum trace_kind kind) {
  if (trace_is_on()) trace_record(kind, 0);
}
static inline void trace_mark_value(enum trace_kind kind, uint64_t value) {
  if (trace_is_on()) trace_record(kind, value);
}
/* At the instant of this thread's last mark: half the cost, most of which is the clock. */
static inline void trace_mark_again(enum trace_kind kind, uint64_t value) {
  if (trace_is_on()) trace_record_again(kind, value);
}
/* Why this thread will leave the lock next. */
static inline void trace_call_next(enum trace_call call) {
  if (trace_is_on()) trace_record_call(call);
}
static inline void trace_take(const struct ring *ring, const struct ring_message *message) {
  if (trace_is_on()) trace_record_take(ring, message);
}
/* The same for what was waited for: it arrives when the lock is taken again. */
static inline void trace_take_again(const struct ring *ring, const struct ring_message *message) {
  if (trace_is_on()) trace_record_take_again(ring, message);
}
/* For queues that are no rings: the number of the message in it, counted from 1 at both ends. */
static inline void trace_local(enum trace_kind kind, const void *queue, uint64_t number) {
  if (trace_is_on()) trace_record_local(kind, queue, number);
}

/* Numbers of VMs, for trace_thread_runs_vm; 0: it runs none any more. */
uint32_t trace_number_vm(void);
void trace_thread_runs_vm(uint32_t number);
/* What is too long is cut. */
void trace_name_thread(const char *name);

/* This thread, or the only one of this process, is a worker from now on, and until the end. */
void trace_worker_start(void);
void trace_worker_end(void);

#endif
