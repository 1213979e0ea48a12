/* SPDX-License-Identifier: MIT */
/* The state behind the segment, for segment.c, holds.c and sweep.c alone: the segment's header,
 * which all processes share, and this process's part.
 *
 *     segment.c  the segment: making, joining, addresses, blocks
 *     holds.c    objects, and the holds of this process
 *     sweep.c    cleaning up after dead processes, and validation
 *     segment_view.c  the segment of another program, of which it uses the header alone
 *
 * `segment` is at file scope (vm/README.md). The fields that segment.c stores when it makes or
 * joins the segment do not change afterwards; every other field says what guards it.
 */
#ifndef SHARED_SEGMENT_PRIVATE_H
#define SHARED_SEGMENT_PRIVATE_H

#include "os/mutex.h"
#include "shared/arena.h"
#include "shared/bar_rows.h"
#include "shared/object.h"
#include "shared/totals.h"

enum { SEGMENT_KINDS = 8 }; /* more than there are in enum object_kind */

/* The journal of a change of a count and of the word that notes it. Both new values are written
 * before `is_pending` commits them, and may be stored twice. */
struct count_journal {
  block_ref count;
  uint64_t new_count;
  block_ref noted;
  uint64_t new_noted;
  _Atomic uint64_t is_pending;
};

struct segment_header {
  uint32_t magic;
  uint32_t format; /* from the sizes of the structures: another build has another number */
  uint64_t size;
  _Atomic uint64_t recording;        /* see segment_recording */
  _Atomic uint64_t profiling;        /* see segment_profiling */
  _Atomic int64_t profiled_until_ns; /* see segment_profiled_until */
  _Atomic uint32_t request_signal;   /* see segment_note_request_signal */
  uint32_t reserved;
  struct robust_mutex sweep_lock; /* rank_sweep: one process at a time sweeps */
  struct totals totals;
  struct robust_mutex count_lock; /* rank_count */
  struct count_journal count_journal;
  struct robust_mutex bag_lock; /* rank_bag */
  _Atomic uint64_t objects;     /* so many were ever made; an object's number is in its references */
  struct bar_rows bar_rows;
  struct arena_state arena;
};

/* Whether the header is that of a segment of `size` bytes, made by this build. */
bool segment_header_is_ours(const struct segment_header *h, uint64_t size);
uint64_t segment_process_table_offset(void);
uint64_t segment_wait_graph_offset(void);
uint64_t segment_arena_offset(void);

struct held_object {
  block_ref object; /* 0: the entry is free */
  uint32_t handles;
};

struct segment {
  struct mutex lock; /* rank_holds: is_open, held, held_* */
  _Atomic bool is_open;
  bool is_fork_watched;
  _Atomic uint32_t epoch; /* see segment_epoch */
  struct mapping map;     /* written before another thread can use it */
  int bag;                /* of descriptors under way (descriptor.h), written with the map; -1: none */
  struct arena arena;
  struct segment_header *header;
  struct process_table *processes;
  uint32_t slot;
  owner_id self;
  struct process_id id;
  struct held_object *held;
  size_t held_capacity; /* a power of two, or 0 */
  size_t held_count;
  /* Stored before the first object of the kind is made, and never changed. */
  _Atomic(object_destructor) destroy[SEGMENT_KINDS];
  _Atomic(object_owner_died) owner_died[SEGMENT_KINDS];
};

extern struct segment segment;

#endif
