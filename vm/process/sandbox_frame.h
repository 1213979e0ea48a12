/* SPDX-License-Identifier: MIT */
/* Frames between a sandboxed worker and its guard (process/guard.h): a head and a payload.
 *
 *     worker → guard                                guard → worker
 *
 *     NEXT    is ready for a task                   TASK    envelope | message
 *                                                   END     there are no more
 *     STORED  numbers: the place of a value that    BYTES   the value's message
 *             the task names
 *     BEGIN   value: an item                        GO      value: 1, or 0: it must not begin
 *     QUEUE   value: enum queue_call; numbers:      RESULT  value: a status; numbers: what the call
 *             reference, deadline; a message                returns; a message
 *     ANSWER  envelope | message                    none
 *     REPLY   a C program's VM: a reply             none
 *
 * The worker sends one request at a time and waits for its answer. The guard trusts no number in a
 * frame. pool/pool_guard.c knows envelopes, guard.c the calls of queues.
 */
#ifndef PROCESS_SANDBOX_FRAME_H
#define PROCESS_SANDBOX_FRAME_H

#include "base/bytes.h"

enum frame_kind {
  FRAME_NEXT = 1,
  FRAME_TASK,
  FRAME_END,
  FRAME_STORED,
  FRAME_BYTES,
  FRAME_BEGIN,
  FRAME_GO,
  FRAME_QUEUE,
  FRAME_RESULT,
  FRAME_ANSWER,
};

enum queue_call {
  QUEUE_CALL_PUT = 1, /* the payload; for a sorted ring: size of key u32 | key | message */
  QUEUE_CALL_GET,     /* → the payload */
  QUEUE_CALL_SIZE,    /* → number */
  QUEUE_CALL_IS_FULL, /* → number: 1 or 0 */
  QUEUE_CALL_BOUND,   /* → number: of its messages; 0: none */
  QUEUE_CALL_CLOSE,
  QUEUE_CALL_TASK_DONE, /* → number: 1, or 0: called more often than get */
  QUEUE_CALL_JOIN,      /* → number: how many were ever abandoned */
  QUEUE_CALL_DROP,      /* the worker has one stand-in less; no RESULT */
};

enum { FRAME_NUMBERS = 2 };

struct frame {
  uint32_t kind; /* enum frame_kind */
  int32_t value;
  uint64_t numbers[FRAME_NUMBERS];
  uint64_t size; /* of the payload */
};
_Static_assert(sizeof(struct frame) == 32, "layout");

/* Sends `f` with a payload of two parts; sets f->size. STATUS_CLOSED: the other side is gone. */
MUST_CHECK status frame_send(int channel, struct frame *f, const void *head, size_t head_size,
                             const void *body, size_t body_size);
/* Receives a frame and its payload, which replaces the contents of `payload`. STATUS_CLOSED;
 * STATUS_INTERRUPTED: a signal came before the frame; STATUS_TOO_LARGE: the payload is larger than
 * `size_max` bytes, and the channel is of no more use. -ENOMEM, likewise. */
MUST_CHECK status frame_receive(int channel, struct frame *f, struct bytes *payload, uint64_t size_max);

#endif
