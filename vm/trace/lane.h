/* SPDX-License-Identifier: MIT */
/* The layout of a recording in the segment.
 *
 *     recording ── lanes ──▶ lane ── next ──▶ lane …        one for each thread
 *                             │
 *                             ├── first events
 *                             └── chunks ──▶ chunk ──▶ chunk    the thread's further events,
 *                                                               in the order of time
 *
 * The segment's recording word names the recording and its generation (0: nothing is recorded). The
 * process that records, the recorder, owns all blocks: they outlive any other process, killed or
 * not, and are freed with the recorder. The recording is made once and stays until then, so a late
 * thread may still read it.
 *
 * I1  Only its thread writes a lane. It stores the event, then the count (release).
 * I2  A thread that reads a new generation in the word begins its lane anew. The recorder starts a
 *     generation only after it has read the one before, so no event is lost while it reads.
 * I3  A thread that loaded the word may write one more event at any later time. So the recorder,
 *     when it has read a lane, frees the chunks that have a successor: their thread no longer
 *     writes to them. The last chunk, and the lane, are freed when the thread begins anew, or once
 *     it has ended or its process is dead.
 */
#ifndef TRACE_LANE_H
#define TRACE_LANE_H

#include "os/process.h"
#include "shared/segment.h"

enum {
  TRACE_LANE_BYTES = 4096,
  TRACE_CHUNK_BYTES = 65536,
  TRACE_NAME_MAX = 64,
  TRACE_KIND_BITS = 8,
  TRACE_GENERATION_SHIFT = 48,
};

struct trace_event {
  uint64_t stamp; /* nanoseconds since the start << TRACE_KIND_BITS | enum trace_kind */
  uint64_t value;
};

struct trace_chunk {
  _Atomic block_ref next; /* 0: the last one */
  uint32_t capacity;
  _Atomic uint32_t count;
  struct trace_event events[];
};

enum trace_lane_state { TRACE_LANE_LIVE = 0, TRACE_LANE_ENDED = 1 };

struct trace_lane {
  block_ref next;              /* the next lane; written before the push, then by the recorder */
  _Atomic uint32_t state;      /* enum trace_lane_state; ENDED: its thread has left it */
  _Atomic uint32_t generation; /* of the events; stored last when a lane begins anew */
  _Atomic block_ref chunks;    /* behind the first events; 0: none */
  _Atomic uint64_t dropped;    /* events; once one is dropped, all further ones are */
  _Atomic int64_t death_ns;    /* since the start: when its process's death was noted; 0: not */
  struct process_id process;
  int32_t thread;
  _Atomic uint32_t vm;       /* the last one that the thread ran; 0: none */
  char name[TRACE_NAME_MAX]; /* the thread's; may change while it is read: any bytes */
};

struct trace_recording {
  _Atomic int64_t start_ns; /* clock_now_ns; a late thread may read the next generation's */
  _Atomic uint64_t limit;   /* events that are kept, at most */
  owner_id owner;           /* the recorder */
  uint32_t reserved;
  _Atomic uint64_t room;    /* events that memory was allocated for */
  _Atomic uint64_t dropped; /* events of threads that have no lane */
  _Atomic block_ref lanes;  /* the newest; any thread pushes, the recorder removes */
};

/* The chunk that is part of the lane itself. */
static inline struct trace_chunk *trace_lane_first(struct trace_lane *lane) {
  return (struct trace_chunk *)(void *)(lane + 1);
}
/* How many events fit into a chunk of so many bytes. */
static inline uint32_t trace_capacity(size_t bytes) {
  return (uint32_t)((bytes - sizeof(struct trace_chunk)) / sizeof(struct trace_event));
}

/* What the segment's word holds: the place of the recording, and which one it is. */
static inline uint64_t trace_word(const struct trace_recording *r, uint32_t generation) {
  return segment_ref(r) | (uint64_t)generation << TRACE_GENERATION_SHIFT;
}
static inline uint32_t trace_generation(uint64_t word) { return (uint32_t)(word >> TRACE_GENERATION_SHIFT); }
static inline struct trace_recording *trace_recording_at(uint64_t word) {
  return segment_at(word & ((UINT64_C(1) << TRACE_GENERATION_SHIFT) - 1));
}

#endif
