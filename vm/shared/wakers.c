/* SPDX-License-Identifier: MIT */
#include "shared/wakers.h"

#include <limits.h>

#include "base/check.h"
#include "os/clock.h"
#include "shared/kill_point.h"

enum { LOOK_AGAIN_NS = 250 * 1000 * 1000 };

void bells_take(struct bells *bells, uint32_t slot, struct bell_hold *out) {
  for (unsigned i = 0; i < BELLS; i++) {
    struct bell *b = &bells->bells[i];
    uint32_t nobody = 0;
    if (!atomic_compare_exchange_strong(&b->taken_by, &nobody, slot + 1)) continue;
    *out = (struct bell_hold){b, UINT64_C(1) << i, false};
    return;
  }
  const unsigned any = slot % BELLS;
  *out = (struct bell_hold){&bells->bells[any], UINT64_C(1) << any, true};
}

void bells_leave(struct bell_hold *hold) {
  if (hold->is_shared) return;
  atomic_store(&hold->bell->notify_socket, 0);
  KILL_POINT("bells.leave");
  atomic_store(&hold->bell->taken_by, 0);
}

void bells_ring(struct bells *bells, bell_set which) {
  for (; which; which &= which - 1) {
    struct bell *b = &bells->bells[__builtin_ctzll(which)];
    atomic_fetch_add(&b->rings, 1);
    KILL_POINT("bells.ring");
    futex_wake(&b->rings, INT_MAX);
    const notify_name name = atomic_load(&b->notify_socket);
    if (name) notify_socket_notify(name);
  }
}

void bells_forget(struct bells *bells, uint32_t slot) {
  for (unsigned i = 0; i < BELLS; i++) {
    struct bell *b = &bells->bells[i];
    if (atomic_load(&b->taken_by) != slot + 1) continue;
    atomic_store(&b->notify_socket, 0);
    KILL_POINT("bells.forget");
    atomic_store(&b->taken_by, 0);
  }
}

void bells_validate(const struct bells *bells) {
  for (unsigned i = 0; i < BELLS; i++) CHECK(atomic_load(&bells->bells[i].taken_by) <= PROCESS_TABLE_MAX);
}

uint32_t bells_seen(const struct bell_hold *hold) { return atomic_load(&hold->bell->rings); }

status bells_sleep(const struct bell_hold *hold, uint32_t seen, deadline until) {
  const deadline look_again = {clock_now_ns() + LOOK_AGAIN_NS};
  const status st = futex_wait(&hold->bell->rings, seen, deadline_earlier(until, look_again));
  return st == STATUS_TIMEOUT && !deadline_passed(until) ? STATUS_OK : st;
}
