/* SPDX-License-Identifier: MIT */
/* The segment of another program, read through its descriptor.
 *
 * The other program runs meanwhile, and may be hostile: nothing is mapped, so no change of its
 * memory is a fault here; each structure is a copy; and the number and places of the blocks follow
 * from the size alone, whatever it says.
 */
#ifndef SHARED_SEGMENT_VIEW_H
#define SHARED_SEGMENT_VIEW_H

#include "shared/segment.h"

struct segment_view {
  int fd;          /* the caller's */
  uint64_t used;   /* bytes of memory, … */
  uint64_t warm;   /* of which these are free for any size, … */
  uint64_t most;   /* and the limit; both as the program says */
  uint64_t chunks; /* that were ever used */
  struct arena_layout arena;
};

/* STATUS_FOREIGN: the descriptor is of no segment, or of one of another build. */
MUST_CHECK status segment_view_open(struct segment_view *out, int fd);
/* Copies bytes of the segment. STATUS_FOREIGN: they are not all there. */
MUST_CHECK status segment_view_read(const struct segment_view *v, block_ref at, void *out, size_t size);
MUST_CHECK status segment_view_read_processes(const struct segment_view *v, struct process_table *out);
/* Its wait graph, as it is at that moment; the texts end within their fields. */
MUST_CHECK status segment_view_read_waits(const struct segment_view *v, struct wait_graph *out);
/* What the program's word of profiles says (segment_profiling), and the signal that has its processes look
 * at it; 0: none. */
MUST_CHECK status segment_view_read_profiling(const struct segment_view *v, uint64_t *word, int *signal);
/* Sets the word, and until when it counts. */
MUST_CHECK status segment_view_write_profiling(const struct segment_view *v, uint64_t word, int64_t until_ns);
/* Calls visit for each block that is not free, with its size and owner, until visit returns
 * false. */
typedef bool (*segment_view_visit)(void *context, block_ref block, uint64_t size, owner_id owner);
MUST_CHECK status segment_view_each_block(const struct segment_view *v, segment_view_visit visit,
                                          void *context);

#endif
