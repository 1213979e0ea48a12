/* SPDX-License-Identifier: MIT */
/* The primitive of mm.wait: one thread waits for any of many things. It sleeps on one waker
 * (shared/wakers.h), or, if there are descriptors among the things, in one poll of the descriptors
 * and the waker's notify socket.
 */
#ifndef BINDINGS_CORE_WAIT_ANY_H
#define BINDINGS_CORE_WAIT_ANY_H

#include "shared/wakers.h"
#include "state/lua_compat.h"

/* How to wait for a kind of handle: a light userdata in its metatable under WAITABLE_FIELD (arguments.h). None
 * of the functions raises. A closed handle counts as ready; its next use is the error. */
struct waitable {
  bool (*is_ready)(lua_State *L, int index);
  /* Registers the wakers with the object; true: it is ready already. NULL: only the descriptor
   * counts. */
  bool (*watch)(lua_State *L, int index, waker_set wakers);
  /* A descriptor to poll besides or instead; -1: none now. NULL: never. */
  int (*descriptor)(lua_State *L, int index);
};
/* The same for locks and semaphores, which tasks wait for but mm.wait does not accept. */
#define WATCHABLE_FIELD "__mm_watch"
/* The waitable of the value at `index`, from either field; NULL: it has none. [-0, +0] */
const struct waitable *watchable_at(lua_State *L, int index);

/* wait_any(things, timeout, once, patience) → the places of the ready things, in order (none:
 * timeout); or nil and why. A thing is a handle, or a number: a descriptor to read from. With
 * `once` it sleeps at most once, and may return an empty list; so does a wait for numbers while a handle of the
 * VM was closed. If all things are numbers it
 * polls for `patience` seconds before it sleeps. [-0, +1 or 2, raises] */
int wait_any(lua_State *L);

#endif
