/* SPDX-License-Identifier: MIT */
/* Spinning for a short time before a futex wait.
 *
 * A sleep and its wake-up take about 40 us; a script often ends sooner, and the next job often
 * comes sooner. The spin adapts: after a short sleep the next wait spins first, after a long one it
 * sleeps at once.
 */
#ifndef C_SPIN_H
#define C_SPIN_H

#include <stdbool.h>

#include "os/futex.h"

struct spin {
  _Atomic bool is_worth_it; /* a hint: no value is wrong */
};

/* Waits until *word is not `seen`: spins if that is worth it, then sleeps as futex_wait does.
 * `sleepers` counts the sleeping threads. */
MUST_CHECK status spin_wait(struct spin *s, futex_word *word, uint32_t seen, _Atomic uint32_t *sleepers,
                            deadline until);
/* Wakes the sleeping threads; call it after a change of *word. */
void spin_wake(futex_word *word, const _Atomic uint32_t *sleepers);

#endif
