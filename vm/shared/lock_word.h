/* SPDX-License-Identifier: MIT */
/* The lock word: which thread holds a Lock or an RLock, and how often it has taken it, in one word.
 *
 *   63     62      61..59      58..48   47..0
 *   gate   in now  depth - 1   slot     thread
 *
 * A lock that nobody waits for is taken and returned by one compare-and-swap of this word; its mutex is left
 * alone. All else gates the word first, under the mutex (shared/synchronizer.c), and does what it does to
 * struct synchronizer_state.
 *
 * W1  Without the gate the word is the truth: 0, or the holder. `now` of the synchronizer means nothing.
 * W2  With the gate only the holder of the mutex changes the word.
 * W3  LOCK_WORD_IN_NOW: `now` is the truth. A word with the gate alone was left by a process that died while
 *     it moved the holder from the word to `now`; the next holder of the mutex moves it again.
 *
 * A holder that dies stays in the word: the sweep finds its slot there. A thread whose number does not fit into
 * its part, and an RLock that is taken more often than the depth can count, are held in `now`.
 */
#ifndef SHARED_LOCK_WORD_H
#define SHARED_LOCK_WORD_H

#include <stdatomic.h>

#include "shared/execution_context.h"
#include "shared/process_table.h"

typedef _Atomic uint64_t lock_word;

enum { LOCK_WORD_THREAD_BITS = 48, LOCK_WORD_SLOT_BITS = 11, LOCK_WORD_DEPTH_BITS = 3 };
enum { LOCK_WORD_DEPTH_MOST = 1 << LOCK_WORD_DEPTH_BITS };

_Static_assert(PROCESS_TABLE_MAX == 1 << LOCK_WORD_SLOT_BITS, "each slot fits, and each number is a slot");
_Static_assert(LOCK_WORD_THREAD_BITS + LOCK_WORD_SLOT_BITS + LOCK_WORD_DEPTH_BITS == 62, "and two flags");

static const uint64_t LOCK_WORD_FREE = 0;
static const uint64_t LOCK_WORD_GATE = (uint64_t)1 << 63;
static const uint64_t LOCK_WORD_MOVED = (uint64_t)1 << 62;
static const uint64_t LOCK_WORD_IN_NOW = (uint64_t)3 << 62;
static const uint64_t LOCK_WORD_ONCE = (uint64_t)1 << (LOCK_WORD_THREAD_BITS + LOCK_WORD_SLOT_BITS);

/* That `who` holds it once; LOCK_WORD_FREE: a word cannot say so. */
static inline uint64_t lock_word_of(struct execution_context who) {
  const bool fits = who.thread && who.thread >> LOCK_WORD_THREAD_BITS == 0 && who.slot < PROCESS_TABLE_MAX;
  return fits ? (uint64_t)who.slot << LOCK_WORD_THREAD_BITS | who.thread : LOCK_WORD_FREE;
}

/* The word says who holds the lock, or that it is free. */
static inline bool lock_word_is_open(uint64_t word) { return word < LOCK_WORD_MOVED; }
/* The word says that it is held. */
static inline bool lock_word_is_held(uint64_t word) {
  return word != LOCK_WORD_FREE && lock_word_is_open(word);
}

/* Of a word that names a holder, gated or not. */
static inline struct execution_context lock_word_holder(uint64_t word) {
  const uint64_t thread = ((uint64_t)1 << LOCK_WORD_THREAD_BITS) - 1;
  return (struct execution_context){(uint32_t)(word >> LOCK_WORD_THREAD_BITS) & (PROCESS_TABLE_MAX - 1),
                                    word & thread};
}
static inline uint32_t lock_word_depth(uint64_t word) {
  return ((uint32_t)(word / LOCK_WORD_ONCE) & (LOCK_WORD_DEPTH_MOST - 1)) + 1;
}

#endif
