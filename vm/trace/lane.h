/* SPDX-License-Identifier: MIT */
/* What is recorded, as it lies in the segment.
 *
 *     recording ── lanes ──▶ lane ── next ──▶ lane …        one for each thread
 *                             │
 *                             ├── first events
 *                             └── chunks ──▶ chunk ──▶ chunk    the thread's further events,
 *                                                               in the order of time
 *
 * The segment' word says where the recording is, and its generation (0: nothing is recorded). All
 * blocks belong to the process that records, the recorder: they outlive any other process, killed
 * or not, and go with it. The recording is made once and stays until then, so a thread may look at
 * it however late it is.
 *
 * I1  A lane is written by its thread alone. It stores the event, then the count (release).
 * I2  A thread that finds a new generation in the word begins its lane anew. The recorder starts a
 *     generation only when it has read the one before, so no events are thrown away while they are read.
 * I3  A thread which loaded the word may write one more event at any time after. So the recorder,
 *     when it has read a lane, frees the chunks that are followed by another: their thread is
 *     through with them. The last chunk, and the lane, are freed when the thread begins anew, or
 *     once it has ended or its process is dead.
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
  block_ref next;              /* of the lanes; written before the lane is there, then by the recorder */
  _Atomic uint32_t state;      /* enum trace_lane_state; after ENDED the thread does not touch it any more */
  _Atomic uint32_t generation; /* which the events belong to; stored last when a lane begins anew */
  _Atomic block_ref chunks;    /* behind the first events; 0: none */
  _Atomic uint64_t dropped;    /* events; from the first one on all are */
  _Atomic int64_t death_ns;    /* since the start: when its process was seen dead; 0: it was not */
  struct process_id process;
  int32_t thread;
  _Atomic uint32_t vm;       /* the last one that the thread ran; 0: none */
  char name[TRACE_NAME_MAX]; /* the thread's; read while it may change, so as bytes that may be any */
};

struct trace_recording {
  _Atomic int64_t start_ns; /* on the clock; a late thread may read that of the next generation */
  _Atomic uint64_t limit;   /* events that are kept */
  owner_id owner;           /* the recorder */
  uint32_t reserved;
  _Atomic uint64_t room;    /* events that there is memory for */
  _Atomic uint64_t dropped; /* by threads that have no lane */
  _Atomic block_ref lanes;  /* the newest; pushed by anybody, taken away by the recorder */
};

static inline struct trace_chunk *trace_lane_first(struct trace_lane *lane) {
  return (struct trace_chunk *)(void *)(lane + 1);
}
static inline uint32_t trace_capacity(size_t bytes) {
  return (uint32_t)((bytes - sizeof(struct trace_chunk)) / sizeof(struct trace_event));
}

static inline uint64_t trace_word(const struct trace_recording *r, uint32_t generation) {
  return segment_ref(r) | (uint64_t)generation << TRACE_GENERATION_SHIFT;
}
static inline uint32_t trace_generation(uint64_t word) { return (uint32_t)(word >> TRACE_GENERATION_SHIFT); }
static inline struct trace_recording *trace_recording_at(uint64_t word) {
  return segment_at(word & ((UINT64_C(1) << TRACE_GENERATION_SHIFT) - 1));
}

#endif
