/* SPDX-License-Identifier: MIT */
/* The segment: the one segment of shared memory of one program, and this process's place in it.
 *
 *     page 0      header: magic, format, size, arena
 *     page 1      wakers
 *     then        process table
 *     then        arena tables and regions
 *
 * The first process of a program makes it; the others inherit its descriptor. It has no name
 * anywhere: it is gone when the last process is. An object in it is an offset; sending a queue
 * through a queue is sending eight bytes, to any process of the program.
 *
 * This is one of the few pieces of state at file scope (vm/README.md): every VM of a process is in
 * the same program. Objects and holds on them are in holds.h, cleaning up after the dead in
 * sweep.h. All functions: any thread, unless said otherwise.
 */
#ifndef SHARED_SEGMENT_H
#define SHARED_SEGMENT_H

#include "shared/arena.h"
#include "shared/object.h"
#include "shared/totals.h"
#include "shared/wakers.h"

/* Makes the segment, or counts one more user of it in this process. On a thread that lives as
 * long as the process. */
MUST_CHECK status segment_open(void);
/* In a program started by another one of ours: the segment behind `fd` (taken over), and the
 * slot reserved for us. */
MUST_CHECK status segment_join(int fd, uint32_t slot);
/* The last user's close unmaps it. */
void segment_close(void);
/* The segment of another program, to be read: `fd` is of its memory, open for reading. Until
 * segment_look_away, which leaves the descriptor open, everything here is about that one; nothing but arena,
 * process table and objects may be looked at, and no other thread may use a segment. STATUS_FOREIGN: it is none, or
 * of another build. */
MUST_CHECK status segment_look(int fd);
void segment_look_away(void);
const struct process_table *segment_process_table(void);

int segment_fd(void);
uint32_t segment_slot(void);
owner_id segment_self(void);
/* The futex to watch for the death of the process in `slot`; see robust_mutex_watch. False: dead,
 * or not there yet. */
bool segment_watch_life(uint32_t slot, struct futex_watch *watch);

/* The address of what an offset names, in this process. */
void *segment_at(block_ref block);
block_ref segment_ref(const void *address);
struct arena *segment_arena(void);
struct wakers *segment_wakers(void);
/* NULL while this process has no segment. */
struct totals *segment_totals(void);
const struct mapping *segment_mapping(void);

/* Where the program records what happens (vm/trace), seen by all its processes at once: 0, or an
 * offset and a number. Asked all the time, so it is two loads, relaxed because a caller that acts
 * on what it names loads it again with acquire. The place is in the segment, or where there are
 * none a word that stays 0. */
typedef _Atomic uint64_t segment_recording_word;
extern segment_recording_word *_Atomic segment_recording_place;
static inline uint64_t segment_recording(void) {
  return atomic_load_explicit(atomic_load_explicit(&segment_recording_place, memory_order_relaxed),
                              memory_order_relaxed);
}

MUST_CHECK status segment_alloc(uint64_t size, block_ref *out); /* owned by this process */
void segment_free(block_ref block);
/* Of a block of this process: its size; how much of it is committed; that much is committed from now on. */
uint64_t segment_block_size(block_ref block);
uint64_t segment_committed(block_ref block);
MUST_CHECK status segment_commit(block_ref block, uint64_t size);

/* For holds.c: a forked child has the slot that its parent reserved for it. */
void segment_take_place(uint32_t slot);
/* For sweep.c: aborts when the segment's header is none of this build. */
void segment_validate_header(void);

#endif
