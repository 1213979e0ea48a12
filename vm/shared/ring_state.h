/* SPDX-License-Identifier: MIT */
/* A ring's part of shared memory; the model is in ring.h. For ring.c, ring_storage.c, and those that
 * read figures. */
#ifndef SHARED_RING_STATE_H
#define SHARED_RING_STATE_H

#include "os/notify_socket.h"
#include "shared/object.h"
#include "shared/ring_end.h"
#include "shared/wakers.h"

/* Of the messages in the ring; 0: none. */
struct ring_bounds {
  uint64_t messages;
  uint64_t bytes;
};

enum ring_growth {
  RING_GROWS, /* while there is memory: put waits at the bounds alone */
  RING_STAYS, /* within 1 MiB: put waits for consumers */
};

struct ring {
  struct object object;
  uint64_t max_messages;             /* 0: bounded by memory only */
  uint64_t max_bytes;                /* likewise */
  _Atomic notify_name notify_socket; /* of a reader in a foreign event loop; 0: none */
  _Atomic waker_set watchers;        /* registered wakers; under tail's lock */
  block_ref unfinished;              /* offset of a struct unfinished; 0: takes are not counted */
  _Atomic uint32_t is_closed;
  _Atomic uint32_t is_short; /* a ring that stays: the last put that needed a storage got no memory */
  uint32_t growth;           /* enum ring_growth */
  uint32_t is_sorted;
  uint32_t number_series;    /* of the messages' numbers (ring.h) */
  _Atomic uint32_t patience; /* nanoseconds of a head start (ring_sleep.h); any value is correct */
  _Atomic uint64_t
      heap;             /* sorted ring: its messages (ring_heap.h); with the fields below under head's lock */
  uint64_t heap_count;  /* messages in it */
  uint64_t heap_change; /* the change under way; 0: none */
  uint64_t heap_position; /* the next value of the word that commits it */
  uint64_t heap_old;      /* a move under way: the heap that the ring leaves, … */
  uint64_t heap_new;      /* … and its next one */
  uint64_t heap_moves;    /* 0: no move is under way */
  _Alignas(64) struct ring_end tail;
  _Alignas(64) struct ring_end head;
};

/* The numbers of a series are above those of the one before. */
enum { RING_SERIES_SHIFT = 40 };

/* Of the message that is put, or taken, next at this end, which is locked. */
static inline uint64_t ring_next_number(const struct ring *r, const struct ring_end *end) {
  return ((uint64_t)r->number_series << RING_SERIES_SHIFT) +
         atomic_load_explicit(&end->count, memory_order_relaxed) + 1;
}

#endif
