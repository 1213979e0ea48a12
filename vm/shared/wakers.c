/* SPDX-License-Identifier: MIT */
#include "shared/wakers.h"

#include <limits.h>

#include "base/check.h"
#include "os/clock.h"
#include "shared/kill_point.h"

enum { LOOK_AGAIN_NS = 250 * 1000 * 1000 };

void wakers_take(struct wakers *wakers, uint32_t slot, struct waker_hold *out) {
  for (unsigned i = 0; i < WAKERS; i++) {
    struct waker *w = &wakers->wakers[i];
    uint32_t nobody = 0;
    if (!atomic_compare_exchange_strong(&w->taken_by, &nobody, slot + 1)) continue;
    *out = (struct waker_hold){w, UINT64_C(1) << i, false};
    return;
  }
  const unsigned any = slot % WAKERS;
  *out = (struct waker_hold){&wakers->wakers[any], UINT64_C(1) << any, true};
}

void wakers_release(struct waker_hold *hold) {
  if (hold->is_shared) return;
  atomic_store(&hold->waker->notify_socket, 0);
  KILL_POINT("wakers.release");
  atomic_store(&hold->waker->taken_by, 0);
}

void wakers_wake(struct wakers *wakers, waker_set which) {
  for (; which; which &= which - 1) {
    struct waker *w = &wakers->wakers[__builtin_ctzll(which)];
    atomic_fetch_add(&w->wakes, 1);
    KILL_POINT("wakers.wake");
    futex_wake(&w->wakes, INT_MAX);
    const notify_name name = atomic_load(&w->notify_socket);
    if (name) notify_socket_notify(name);
  }
}

void wakers_forget(struct wakers *wakers, uint32_t slot) {
  for (unsigned i = 0; i < WAKERS; i++) {
    struct waker *w = &wakers->wakers[i];
    if (atomic_load(&w->taken_by) != slot + 1) continue;
    atomic_store(&w->notify_socket, 0);
    KILL_POINT("wakers.forget");
    atomic_store(&w->taken_by, 0);
  }
}

void wakers_validate(const struct wakers *wakers) {
  for (unsigned i = 0; i < WAKERS; i++) CHECK(atomic_load(&wakers->wakers[i].taken_by) <= PROCESS_TABLE_MAX);
}

uint32_t wakers_seen(const struct waker_hold *hold) { return atomic_load(&hold->waker->wakes); }

status wakers_sleep(const struct waker_hold *hold, uint32_t seen, deadline until) {
  const deadline look_again = {clock_now_ns() + LOOK_AGAIN_NS};
  const status st = futex_wait(&hold->waker->wakes, seen, deadline_earlier(until, look_again));
  return st == STATUS_TIMEOUT && !deadline_passed(until) ? STATUS_OK : st;
}
