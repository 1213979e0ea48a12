/* SPDX-License-Identifier: MIT */
/* Handles inside values: how the userdata of shared objects (queues, connections, …) are sent.
 *
 * A userdata is a handle if its metatable has the raw field `__mm_handle`, a light userdata of a
 * handle_type that is registered with this VM. The message contains a reference: 64 bits that name
 * the object in the whole program. An encoded message holds its objects, and the owner of the
 * message drops these holds in the end (transfer_discard). Decoding does not change them: each
 * decoded handle has a hold of its own.
 *
 * The VM lock protects the registration. handle_types are constants.
 */
#ifndef STATE_HANDLE_H
#define STATE_HANDLE_H

#include <stdint.h>

#include "state/lua_compat.h"

#define HANDLE_FIELD "__mm_handle"

struct handle_type {
  const char *name; /* for messages to users: "Queue" */
  /* The reference of the handle at `index`, with a new hold for the message; raises if the handle
   * is closed. [-0, +0, raises] */
  uint64_t (*send)(lua_State *L, int index);
  /* Pushes a handle of this type, with a hold of its own. [-0, +1, raises] */
  void (*receive)(lua_State *L, const struct handle_type *type, uint64_t reference);
  /* Drops a message's hold. Cannot fail; needs no Lua. */
  void (*drop)(uint64_t reference);
  const char *instead; /* what a script can send where handles cannot go; NULL: nothing is said */
  /* Where a handle names a part of its object; both NULL: no handle of the type does. The place of the
   * part, called after `send`; and `receive` for that part. A message may say any place. Where there is `receive`
   * as well, `place` is also called before `send`, and 0 is the whole object. */
  uint64_t (*place)(lua_State *L, int index);
  void (*receive_part)(lua_State *L, const struct handle_type *type, uint64_t reference, uint64_t place);
};

/* Registers `type` with this VM under an id from 1 to 255, which is the same in every VM of the
 * program and belongs to one type. [-0, +0, raises] */
void handle_register(lua_State *L, int id, const struct handle_type *type);

#endif
