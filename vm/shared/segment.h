/* SPDX-License-Identifier: MIT */
/* The segment: the one shared memory segment of a program, and the place of this process in it.
 *
 *     page 0      header: magic, format, size, state of the arena
 *     page 1      wakers
 *     then        process table
 *     then        named blocks
 *     then        accounts of VMs with a limit
 *     then        the wait graph
 *     then        the arena: chunk table, control pages, chunks
 *
 * The first process of a program makes it; the others inherit its descriptor. It has no name in any
 * file system and disappears with the last process. A reference to an object in it is an offset:
 * sending a queue through a queue is sending eight bytes, to any process of the program.
 *
 * The state here is at file scope (vm/README.md), because every VM of a process belongs to the same
 * program. Objects and the holds on them are in holds.h, cleaning up after dead processes is in
 * sweep.h; segment_view.h reads the segment of another program. All functions: any thread, unless said otherwise.
 */
#ifndef SHARED_SEGMENT_H
#define SHARED_SEGMENT_H

#include "base/check.h"
#include "shared/arena.h"
#include "shared/bar_rows.h"
#include "shared/named_blocks.h"
#include "shared/object.h"
#include "shared/totals.h"
#include "shared/wakers.h"

/* Makes the segment of this process unless there is one. It stays for as long as the process: the fork
 * server, threads and other VMs may refer to it after the VM that made it has ended, and its place in
 * the process table is a mutex of the thread that made it. */
MUST_CHECK status segment_open(void);
/* A child that the host itself forks is a stranger to the program. It has a private copy of the
 * segment's memory at the same place, where its handles are void: segment_has says so. What it makes
 * anew is in a segment of its own, which the first allocation makes. */

/* Whether the address is in the segment of this process, and not in that of the process that forked
 * it. */
bool segment_has(const void *address);
/* A number that changes in each forked child: what was noted with another number is a copy of the
 * parent's. */
uint32_t segment_epoch(void);
/* In a started worker program: maps the segment behind `fd`, which it takes over, as it does the
 * bag (-1: none), and occupies the slot that the parent reserved. STATUS_FOREIGN: it is no segment,
 * or one of another build. */
MUST_CHECK status segment_join(int fd, int bag, uint32_t slot);
/* In a forked child, on its only thread, which is to share nothing with the program: unmaps the
 * program's segment and makes a small one of a size that stays. The pointers into the old one are void. On failure the
 * process must end. */
MUST_CHECK status segment_leave_program(void);
/* Valid once the segment is open, as are the next ones. */
const struct process_table *segment_process_table(void);

/* Of the mapping, for a child that is to share it. It stays the segment's. */
int segment_fd(void);
/* The program's bag of descriptors under way (descriptor.h); -1: none. */
int segment_bag(void);
/* This process' slot in the process table. */
uint32_t segment_slot(void);
/* The owner word of this process' blocks. */
owner_id segment_self(void);
/* The futex to watch for the death of the process in `slot`; see robust_mutex_watch. False: the
 * process is dead, or does not run yet. */
bool segment_watch_life(uint32_t slot, struct futex_watch *watch);

/* Whether a process of this number belongs to the program. */
bool segment_has_process(int32_t pid);

/* Where the blocks of the segment lie; set when it is made or joined. As much as ARENA_SLACK behind
 * `end` belongs to the segment and to no block. */
extern struct segment_bounds {
  uint8_t *base;
  uint64_t data; /* offsets */
  uint64_t end;
} segment_bounds;
/* Aborts unless the bytes are within the blocks that were ever used. */
void segment_check_long(block_ref at, uint64_t size);

/* The address of an offset in this process, and the reverse. Offsets come from shared memory: an
 * offset behind the last block aborts, and so no structure of fixed size at it ends outside of the
 * segment. segment_bytes_at checks the size, too. */
static inline void *segment_at(block_ref block) {
  CHECK(block < segment_bounds.end);
  return segment_bounds.base + block;
}
static inline void *segment_bytes_at(block_ref at, uint64_t size) {
  if (at - segment_bounds.data >= segment_bounds.end - segment_bounds.data || size > ARENA_SLACK)
    segment_check_long(at, size);
  return segment_bounds.base + at;
}
/* The name of an address in the segment. */
block_ref segment_ref(const void *address);
struct arena *segment_arena(void);
/* A stranger that cannot make a segment has those of its private copy; what it notes there is lost with it. */
struct wakers *segment_wakers(void);
struct named_blocks *segment_named_blocks(void);
/* Valid once the segment is open. */
struct wait_graph *segment_wait_graph(void);
/* wait_graph_stands_still (wait_graph.h) for this program. */
struct standstill;
struct wait_cycle;
MUST_CHECK bool segment_stands_still(struct standstill *seen, int64_t before_ns, struct wait_cycle *out);
/* NULL while this process has no segment. */
struct bar_rows *segment_bar_rows(void);
/* NULL while this process has no segment. */
struct totals *segment_totals(void);
const struct mapping *segment_mapping(void);

/* The word that says whether the program records a trace (vm/trace), the same for all its
 * processes: 0, or an offset and a number. It is read all the time, so a read is two loads; they
 * are relaxed, because a caller that uses the offset loads the word again with acquire. The word is
 * in the segment; without a segment the place points to a word that stays 0. */
typedef _Atomic uint64_t segment_recording_word;
extern segment_recording_word *_Atomic segment_recording_place;
static inline uint64_t segment_recording(void) {
  return atomic_load_explicit(atomic_load_explicit(&segment_recording_place, memory_order_relaxed),
                              memory_order_relaxed);
}

/* The word that says whether the program is profiled (vm/profile): 0, or which profile it is. It is
 * read and placed as the word of recordings is. */
extern segment_recording_word *_Atomic segment_profiling_place;
static inline uint64_t segment_profiling(void) {
  return atomic_load_explicit(atomic_load_explicit(&segment_profiling_place, memory_order_relaxed),
                              memory_order_relaxed);
}

/* Until when another program wants this one to be profiled (segment_view.h); 0: no other one does. */
int64_t segment_profiled_until(void);
/* Has the program profiled, as its own caller wants it: in the place of a profile that another program wants. False: it
 * is profiled for itself already. */
MUST_CHECK bool segment_begin_profiling(uint64_t word);
/* Publishes the signal with which other programs may ask the processes of this one to look at that word;
 * 0: there is none yet. Does nothing before the segment is open. */
void segment_note_request_signal(int number);

/* A block of `size` bytes, owned by this process. -ENOMEM, STATUS_TOO_LARGE. segment_alloc is for
 * data; it fails while there is still a reserve, which is for the other two: for workers, and for
 * objects unless they are large. */
MUST_CHECK status segment_alloc(uint64_t size, block_ref *out);
MUST_CHECK status segment_alloc_vital(uint64_t size, block_ref *out);
MUST_CHECK status segment_alloc_object(uint64_t size, block_ref *out);
/* As segment_alloc, with address space to grow into: segment_commit up to `room` bytes. */
MUST_CHECK status segment_alloc_room(uint64_t size, uint64_t room, block_ref *out);
void segment_free(block_ref block);
/* For a block that this process owns: its size, the bytes that are committed, and committing
 * more. */
uint64_t segment_block_size(block_ref block);
/* How many bytes of the block have memory behind them. */
uint64_t segment_committed(block_ref block);
/* Gives the first `size` bytes of the block memory. -ENOMEM: there is none, and nothing is
 * changed. */
MUST_CHECK status segment_commit(block_ref block, uint64_t size);

/* An account of a VM of this process (accounts.h). While a thread uses one (account_use), the blocks
 * that it takes are charged to it, and -ENOMEM means either no memory or its limit. STATUS_FULL. */
MUST_CHECK status segment_open_account(uint64_t limit, struct account *out);
/* Does nothing for an account that is not open. */
void segment_close_account(struct account *a);
/* For memory outside of the segment: charges this thread's account, if any, and credits the charge.
 * -ENOMEM; *out stays as it is without an account. */
MUST_CHECK status segment_charge(uint64_t bytes, charge_mark *out);
void segment_credit(charge_mark mark, uint64_t bytes);
/* Whether this thread's last allocation was refused by its account. */
bool segment_refused(uint64_t *used, uint64_t *limit);

/* Bytes of the segment that are committed, and the most that may be; both 0 without a segment. */
void segment_memory(uint64_t *used, uint64_t *most);

/* For holds.c: makes this process the one in `slot`, which its parent reserved. */
void segment_take_place(uint32_t slot);
/* For sweep.c: aborts when the segment's header is not one of this build. */
void segment_validate_header(void);

#endif
