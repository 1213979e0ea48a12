/* SPDX-License-Identifier: MIT */
/* mm.wait's primitive: until one of many things is ready. What waits is one thread with one waker
 * (shared/wakers.h), or, where descriptors are among the things, one poll of them and of the waker's own.
 */
#ifndef BINDINGS_CORE_WAIT_ANY_H
#define BINDINGS_CORE_WAIT_ANY_H

#include "shared/wakers.h"
#include "state/lua_compat.h"

/* How a handle takes part: light userdata in its metatable under WAITABLE_FIELD. None of the functions
 * raises; a handle that was closed counts as ready, and says so when it is used. */
struct waitable {
  bool (*is_ready)(lua_State *L, int index);
  /* Leaves the wakers with it; true: it is ready already. NULL: the descriptor says it all. */
  bool (*watch)(lua_State *L, int index, waker_set wakers);
  /* What to poll beside or instead; -1: nothing. NULL: there is none. */
  int (*descriptor)(lua_State *L, int index);
};
#define WAITABLE_FIELD "__mm_wait"
/* The same for what only a task waits for by itself, and mm.wait does not take: locks and semaphores. */
#define WATCHABLE_FIELD "__mm_watch"
/* What the value at `index` takes part with, by either; NULL: it is nothing to wait for. [-0, +0] */
const struct waitable *watchable_at(lua_State *L, int index);

/* wait_any(things, timeout, once, patience) → the places of the ready ones in the list, in order (none: the
 * time is up); or nil and why. A thing is a handle or a number, a raw descriptor to read from. With `once` it
 * sleeps once at most, and may find nothing ready. Where all are numbers it looks for `patience` seconds
 * before it sleeps. */
int wait_any(lua_State *L);

#endif
