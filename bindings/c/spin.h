/* SPDX-License-Identifier: MIT */
/* Looking at a word for a little while before sleeping until it changes.
 *
 * To sleep and be woken takes some 40 us; a script is often done sooner, and the next job is often there
 * sooner. Whether it is worth it is learnt: a sleep that was short makes the next wait spin, one that was
 * long makes it sleep at once.
 */
#ifndef C_SPIN_H
#define C_SPIN_H

#include <stdbool.h>

#include "os/futex.h"

struct spin {
  _Atomic bool is_worth_it; /* any value is right */
};

/* Sleeps until *word is not `seen`, as futex_wait does, or sees it without sleeping. `sleepers`
 * counts the threads to be woken. */
MUST_CHECK status spin_wait(struct spin *s, futex_word *word, uint32_t seen, _Atomic uint32_t *sleepers,
                            deadline until);
/* After *word was changed. */
void spin_wake(futex_word *word, const _Atomic uint32_t *sleepers);

#endif
