/* SPDX-License-Identifier: MIT */
/* Many producers, many consumers, messages of any length, and any of them may die at any instant.
 *
 * A ring is an object of the segment: header, two ends, and storage.
 *
 *     ring    := struct ring | 2 KiB of storage    one arena block of 4 KiB;
 *                                                  storage moves out when it grows
 *     storage := record …
 *     record  := size u32 | kind u32 | bytes | padding to 8
 *
 * A record is inline (the message itself), outside (a block that holds it), or
 * filler up to the wrap.
 *
 * I1  Bytes from head to tail are whole records. `tail` and `head` only rise; a record stands at
 *     its position modulo the capacity, a power of two, and never wraps.
 * I2  A message is owned by exactly one of producer, ring, consumer. For an outside message the
 *     block's owner word says which one.
 * I3  The store of `tail` commits a put, the store of `head` commits a take, the store of `storage`
 *     a growth. Whatever else has to agree with it is journaled beside the lock before it: the next
 *     owner of a dead holder's lock compares the commit word with the journal and settles the rest.
 *     That is a constant amount of work and may be done twice.
 * I4  A sleeper registers under the lock of the other side after it has checked its condition
 *     there; the committing process raises the event word before and wakes after. Too many wake-ups
 *     are harmless, too few impossible, but for a death: a process that dies between commit and
 *     wake, or after it was woken and before it checked, loses one wake-up. ring_forget makes that
 *     good as soon as a process notices the death; until then each wait looks again, and looks for
 *     the dead, after a quarter of a second.
 *
 * Journal order matters: the comparand (the future commit word) is written first, else repair would
 * believe a stale match. Locks: rank_tail for puts, rank_head for takes, both for growth.
 */
#ifndef SHARED_RING_H
#define SHARED_RING_H

#include "base/bytes.h"
#include "os/notify_socket.h"
#include "shared/holds.h"
#include "shared/ring_end.h"
#include "shared/wakers.h"

struct ring {
  struct object object;
  uint64_t max_messages;    /* 0: no bound but memory */
  uint64_t max_capacity;    /* of the storage, in bytes; a power of two */
  _Atomic uint64_t storage; /* offset | log2 of the capacity: one store moves the ring */
  block_ref journal_old;    /* growth under way, under both locks: the storage being left, … */
  block_ref journal_new;    /* … and the one being filled */
  _Atomic notify_name
      notify_socket; /* of a reader in a foreign event loop; rung after each put and at the close */
  _Atomic waker_set
      watchers;         /* wakers of those who wait for this ring among other things; under tail's lock */
  block_ref unfinished; /* of messages that were taken and not reported done; 0: none is kept */
  _Atomic uint32_t is_closed;
  _Atomic uint32_t growths;
  _Alignas(64) struct ring_end tail;
  _Alignas(64) struct ring_end head;
};

/* A message that was taken. Inline ones were copied into the caller's scratch bytes; an outside one is read
 * in place, and given back with ring_message_done. */
struct ring_message {
  const uint8_t *data;
  size_t size;
  block_ref block; /* 0: inline */
  uint64_t number; /* the ring's first message is 1 */
};

/* Sequence number and time of a put, taken before the message is visible. */
struct ring_receipt {
  uint64_t number;
  int64_t ns; /* clock_now_ns */
};

/* A message on its way in, in two parts that arrive as one. */
struct ring_record {
  const void *head;
  size_t head_size;
  const void *body;
  size_t body_size;
  struct ring_receipt *receipt; /* NULL: none is wanted; else a put that succeeds fills it in */
};

enum ring_growth {
  RING_GROWS, /* as long as there is memory: put waits only at max_messages */
  RING_STAYS, /* within 1 MiB: put waits for the reader */
};

/* A new ring, held once by this process. A file that makes rings also defines their end, with
 * segment_set_destructor: take what is left and call ring_fini. */
MUST_CHECK status ring_make(struct ring **out, uint64_t max_messages, enum ring_growth growth);
void ring_fini(struct ring *r);

/* STATUS_OK: the message is in. STATUS_CLOSED, STATUS_FULL (deadline_now), STATUS_TIMEOUT,
 * STATUS_INTERRUPTED, -ENOMEM: the ring is as it was. */
MUST_CHECK status ring_put(struct ring *r, const struct ring_record *record, deadline until);
/* The same for a letter whose body stands in a block of this process, with room for the head in front of it:
 * the block itself goes, uncopied. STATUS_OK: it is the ring's. */
MUST_CHECK status ring_put_block(struct ring *r, const struct ring_record *record, block_ref block,
                                 deadline until);
/* As ring_put, for a letter that keeps these objects alive (shared/attachments.h); the caller
 * holds them meanwhile. */
MUST_CHECK status ring_put_carrying(struct ring *r, const struct ring_record *record,
                                    const struct object_list *carried, deadline until);
/* How many messages were ever put, this one included: with one producer, the number of its last message. */
uint64_t ring_last_number(const struct ring *r);
/* STATUS_OK: *out is the caller's. STATUS_CLOSED: closed and drained. STATUS_EMPTY (deadline_now),
 * STATUS_TIMEOUT, STATUS_INTERRUPTED: nothing was taken. */
MUST_CHECK status ring_take(struct ring *r, struct bytes *scratch, struct ring_message *out, deadline until);
/* The same without waiting; and *claim, a word in the segment, is the number of the message (the
 * first is 1) exactly when the take committed, whatever instant the taker dies at. After such a
 * death: ring_settle, then read it. */
MUST_CHECK status ring_take_claimed(struct ring *r, struct bytes *scratch, struct ring_message *out,
                                    _Atomic uint64_t *claim);
/* Repairs what a dead holder left at the readers' end. */
void ring_settle(struct ring *r);
/* What the message carries is let go; its bytes stay. */
void ring_message_unload(const struct ring_message *message);
/* The message is given back, with what it still carries. */
void ring_message_done(struct ring_message *message);

/* Sleeps until there may be something to take, or one of the other words changed. One sleep, no loop. */
MUST_CHECK status ring_wait_readable(struct ring *r, const struct ring_wait *wait, deadline until);

/* The wakers ring once, at the next put or at the close. True: there is something to take already,
 * or the ring is closed. */
MUST_CHECK bool ring_watch(struct ring *r, waker_set wakers);
/* True when a take would not wait. */
bool ring_is_readable(const struct ring *r);

/* From now on account is kept of what is taken (shared/unfinished.h). Before anybody else knows the ring. */
MUST_CHECK status ring_keep_account(struct ring *r);
/* One message that somebody took is done. False: all are. */
MUST_CHECK bool ring_report_done(struct ring *r);
/* Messages that this process took and will not report, unless they were reported by others. */
void ring_abandon(struct ring *r, uint32_t count);
/* Sleeps until the ring is empty and all that was taken is done or abandoned; *abandoned is how many were,
 * ever. STATUS_TIMEOUT, STATUS_INTERRUPTED: not yet. */
MUST_CHECK status ring_wait_done(struct ring *r, uint64_t *abandoned, deadline until);
/* The process that had the slot is gone: its operation is settled at both ends, it reports nothing
 * any more, and waiters that miss a wake-up because of its death get one. May be done twice. */
void ring_forget(struct ring *r, uint32_t slot);

/* Messages, and their bytes, that were ever put into rings of this program, those that are gone included. */
struct ring_traffic {
  uint64_t messages;
  uint64_t bytes;
};
struct ring_traffic ring_traffic_of_all(void);

/* Exact at the instant of the call. */
uint64_t ring_count(struct ring *r);
bool ring_is_full(struct ring *r);
/* Puts fail from now on; takes drain what is left. Wakes everybody. */
void ring_close(struct ring *r);
bool ring_is_closed(const struct ring *r);
/* From now on that waker is rung (0: none), instead of the one before. */
void ring_set_notify_socket(struct ring *r, notify_name name);
/* Wakes all sleepers of both sides, to look again. */
void ring_wake_all(struct ring *r);

/* Aborts when an invariant does not hold. Takes both locks (and repairs as any locker would). */
void ring_validate(struct ring *r);

#endif
