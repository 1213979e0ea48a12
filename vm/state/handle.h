/* SPDX-License-Identifier: MIT */
/* How the userdata of shared objects (queues, connections, …) travel inside values.
 *
 * A userdata is a handle when its metatable has, raw, `__mm_handle` = light userdata of a
 * handle_type that was registered with this VM. What crosses is a reference: 64 bits that name the
 * object in the whole program. A message that was encoded *holds* the object: the owner of the
 * message drops each of its references in the end (transfer_discard drops all). Decoding leaves
 * them: a handle that arrives has a hold of its own.
 *
 * One VM's lock protects all of this. handle_types are constants: they live as long as the program.
 */
#ifndef STATE_HANDLE_H
#define STATE_HANDLE_H

#include <stdint.h>

#include "state/lua_compat.h"

#define HANDLE_FIELD "__mm_handle"

struct handle_type {
  const char *name; /* as users know it: "Queue" */
  /* The reference of the handle at `index`, held once more for the message; raises when it
   * is closed. [-0, +0] */
  uint64_t (*send)(lua_State *L, int index);
  /* Pushes a handle of this type, held for itself. [-0, +1, raises] */
  void (*receive)(lua_State *L, const struct handle_type *type, uint64_t reference);
  /* Gives a message's hold back. Cannot fail; needs no Lua. */
  void (*drop)(uint64_t reference);
};

/* Makes `type` known to this VM under id 1 … 255, the same id in every VM of the program. An id
 * belongs to one type. [-0, +0, raises] */
void handle_register(lua_State *L, int id, const struct handle_type *type);

#endif
