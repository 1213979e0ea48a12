/* SPDX-License-Identifier: MIT */
/* A ring: many producers, many consumers, messages of any length. Any of them may die at any
 * instant.
 *
 * A ring is an object of the segment: header, two ends, and storage.
 *
 *     ring    := struct ring | 2 KiB of storage    one arena block of 4 KiB; further storages follow
 *                                                  as blocks of their own (ring_storage.h)
 *     storage := record …
 *     record  := size u32 | kind u32 | bytes | padding to 8
 *
 * A record is inline (the message itself), outside (the place of a block with the message), filler
 * up to the wrap, or names the storage that is next. A sorted ring has no records: its messages are in a heap (ring_heap.h), and
 * its commit words rise by one step for each message.
 *
 * I1  The bytes from head to tail are whole records. `tail` and `head` only rise; a record is
 *     stored at its position modulo its storage's capacity, and never wraps.
 * I2  A message is owned by exactly one of producer, ring, consumer. The owner word of an outside
 *     message's block names the owner.
 * I3  The store of `tail` commits a put, the store of `head` commits a take. Everything that must agree with that store is journaled beside the lock before it.
 *     The next holder of a dead holder's lock compares the commit word with the journal and settles
 *     the rest. That is a constant amount of work, but for a heap, and may be done twice.
 * I4  A sleeper registers under the lock of the other side after it has checked its condition
 *     there; the committing process changes the event word before the commit and wakes after it.
 *     Spurious wake-ups are harmless. A wake-up is lost only by a death: a process that dies
 *     between commit and wake, or after it was woken and before it checked, loses one. ring_forget
 *     sends it again as soon as a process notices the death; until then each sleeper wakes
 *     after a quarter of a second, checks again, and sweeps.
 *
 * The order of the journal matters: the comparand (the future commit word) is written first,
 * otherwise a repair would believe a stale match. Locks: rank_tail for puts, rank_head for takes.
 */
#ifndef SHARED_RING_H
#define SHARED_RING_H

#include "base/bytes.h"
#include "os/notify_socket.h"
#include "shared/holds.h"
#include "shared/ring_state.h"
#include "shared/ring_text.h"

/* A message that was taken. An inline one was copied into the caller's scratch bytes; an outside
 * one is read in place. ring_message_done ends either. */
struct ring_message {
  const uint8_t *data;
  size_t size;
  block_ref block; /* 0: inline */
  uint64_t number; /* the ring's first message is 1; see ring_number_in_series */
};

/* A new ring, held once by this process. A module that makes rings also sets their destructor with
 * segment_set_destructor; it takes what is left and calls ring_fini. -ENOMEM. */
MUST_CHECK status ring_make(struct ring **out, struct ring_bounds bounds, enum ring_growth growth);
/* Frees the blocks of a ring that is unreachable and empty; for its destructor. */
void ring_fini(struct ring *r);

/* Puts a message. STATUS_CLOSED, STATUS_FULL (deadline_now), STATUS_TIMEOUT, STATUS_INTERRUPTED,
 * STATUS_TOO_LARGE (more than the bound of bytes), -ENOMEM: the ring is unchanged. */
MUST_CHECK status ring_put(struct ring *r, const struct ring_record *record, deadline until);
/* As ring_put, for a record whose body is in a block of this process, with room for the head in
 * front of it: the ring takes over the block without a copy. On failure the caller still owns
 * it. */
MUST_CHECK status ring_put_block(struct ring *r, const struct ring_record *record, block_ref block,
                                 deadline until);
/* As ring_put, for a record that keeps these objects alive (shared/attachments.h); the caller holds
 * them meanwhile. */
MUST_CHECK status ring_put_carrying(struct ring *r, const struct ring_record *record,
                                    const struct object_list *carried, deadline until);
/* As ring_put_carrying, for a sorted ring: takes give the message with the least key first, which is bytes, one at
 * least. */
struct ring_key {
  const void *bytes;
  uint32_t size;
};
MUST_CHECK status ring_put_sorted(struct ring *r, const struct ring_key *key,
                                  const struct ring_record *record, const struct object_list *carried,
                                  deadline until);
/* Several short messages, which go into a ring or come out of one with one commit. */
struct ring_batch {
  uint32_t count;
  uint32_t size; /* bytes of their records */
  _Alignas(8) uint8_t records[8192];
};
/* Adds a message. False: it is too long for this batch. */
MUST_CHECK bool ring_batch_add(struct ring_batch *batch, const struct ring_record *record);
/* The bytes of the message whose record is at *at, which moves behind it; at first 0. */
struct ring_record ring_batch_next(const struct ring_batch *batch, uint32_t *at);
/* Puts the messages in their order, until one would wait; *count is how many are in. STATUS_FULL, STATUS_CLOSED,
 * STATUS_TOO_LARGE, -ENOMEM: the next one is not. Not for a sorted ring. */
MUST_CHECK status ring_put_batch(struct ring *r, const struct ring_batch *batch, uint32_t *count);
/* Takes up to `most` messages that `is_wanted` accepts, and none behind another one, as ring_take with deadline_now.
 * *batch may be empty. Not for a ring that is sorted or counts what is unfinished. */
MUST_CHECK status ring_take_batch(struct ring *r, struct ring_batch *batch, uint64_t most,
                                  bool (*is_wanted)(const uint8_t *data, size_t size));
/* Number of messages ever put. With one producer, the number of its last message. */
uint64_t ring_last_number(const struct ring *r);
/* Takes a message, which the caller then owns. STATUS_CLOSED: closed and drained. STATUS_EMPTY
 * (deadline_now), STATUS_TIMEOUT, STATUS_INTERRUPTED: nothing was taken. */
MUST_CHECK status ring_take(struct ring *r, struct bytes *scratch, struct ring_message *out, deadline until);
/* As ring_take with deadline_now; in addition *claim, a word in the segment, is the number of the
 * message (from 1) exactly when the take committed, whatever instant the taker dies at. After such
 * a death call ring_settle before reading it. */
MUST_CHECK status ring_take_claimed(struct ring *r, struct bytes *scratch, struct ring_message *out,
                                    _Atomic uint64_t *claim);
/* Repairs the change that a dead holder of the consumers' lock had begun, if any. */
void ring_settle(struct ring *r);
/* Releases the message's attachments; its bytes stay. */
void ring_message_unload(const struct ring_message *message);
/* Ends the message: frees its block and releases the attachments that it still has. */
void ring_message_done(struct ring_message *message);

/* Sleeps until a message may be there, or one of the other words has changed. One sleep, no
 * loop. */
MUST_CHECK status ring_wait_readable(struct ring *r, const struct ring_wait *wait, deadline until);

/* Registers the wakers, which are woken once, at the next put or at the close. True: a take would
 * not wait. */
MUST_CHECK bool ring_watch(struct ring *r, waker_set wakers);
/* True when a take would not wait. */
bool ring_is_readable(const struct ring *r);

/* From now on the ring is sorted (ring_heap.h). Call it before another process can reach the ring. */
static inline void ring_sort(struct ring *r) { r->is_sorted = 1; }
static inline bool ring_is_sorted(const struct ring *r) { return r->is_sorted; }
/* From now on the numbers of this ring's messages are those of a series of its own, so that a claim says from which
 * of several rings a message was taken. Call it before another process can reach the ring. */
static inline void ring_number_in_series(struct ring *r, uint32_t series) { r->number_series = series; }

/* From now on the ring counts the messages that were taken and are unfinished
 * (shared/unfinished.h). Call it before another process can reach the ring. -ENOMEM. */
MUST_CHECK status ring_count_unfinished(struct ring *r);
/* Reports one taken message done. False: none is unfinished. */
MUST_CHECK bool ring_report_done(struct ring *r);
/* Abandons `count` messages that this process took and will not report, unless other processes
 * reported them. */
void ring_abandon(struct ring *r, uint32_t count);
/* Sleeps until the ring is empty and all taken messages are done or abandoned; *abandoned is how
 * many were ever abandoned. STATUS_TIMEOUT, STATUS_INTERRUPTED: not yet. */
MUST_CHECK status ring_wait_done(struct ring *r, uint64_t *abandoned, deadline until);
/* The process in the slot is dead: settles its change at both ends, abandons its unfinished
 * messages, and wakes the waiters that may miss a wake-up because of its death. May be done
 * twice. */
void ring_forget(struct ring *r, uint32_t slot);

/* Messages, and their bytes, that were ever put into the rings of this program, also into those
 * that are gone. */
struct ring_traffic {
  uint64_t messages;
  uint64_t bytes;
};
/* Of all rings of the program, those that are gone included. All 0 while no segment is open. */
struct ring_traffic ring_traffic_of_all(void);

/* Exact at the instant of the call. */
uint64_t ring_count(struct ring *r);
/* Whether a put would wait for its number of messages; it may wait for room all the same. */
bool ring_is_full(struct ring *r);
/* From now on puts fail, and takes drain what is left. Wakes all sleepers. */
void ring_close(struct ring *r);
/* It is never opened again. Messages may be left. */
bool ring_is_closed(const struct ring *r);
/* From now on the ring notifies that socket (0: none) instead of the one before. */
void ring_set_notify_socket(struct ring *r, notify_name name);
/* Wakes all sleepers of both sides, which check again. */
void ring_wake_all(struct ring *r);

/* Aborts when an invariant does not hold. Takes both locks, and repairs as any holder does. */
void ring_validate(struct ring *r);

#endif
