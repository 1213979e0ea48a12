/* SPDX-License-Identifier: MIT */
/* The encoder's working memory, which a VM keeps between messages so that a message costs no
 * allocation: buffers, the maps of objects and keys, the registered types of handles.
 *
 * I1  `is_busy` is true while an encoder uses the scratch. An encoder that starts meanwhile (in a
 *     finalizer that the collector runs) gets a scratch of its own.
 * I2  `handles` lists, in the form of wire/format.h, the holds taken for the message being encoded.
 *     Each ends up in a finished message or is dropped.
 *
 * A scratch is a userdata in the registry, freed with the VM and protected by the VM lock.
 */
#ifndef STATE_SCRATCH_H
#define STATE_SCRATCH_H

#include "shared/block_bytes.h"
#include "state/handle.h"
#include "state/key_list.h"
#include "state/object_map.h"

enum { HANDLE_TYPE_MAX = 255 };

struct handle_types {
  const struct handle_type *by_id[HANDLE_TYPE_MAX + 1];
  int last_id;
};

struct scratch {
  struct bytes out;
  struct bytes handles;
  struct bytes deferred; /* u32 each: where the offset of the n-th deferred part is written */
  struct object_map map;
  struct key_list keys;
  struct handle_types *types; /* shared by all scratches of the VM; the first one owns it */
  struct handle_types own_types;
  bool is_busy;
};

/* The VM's scratch, which the first call makes. [-0, +0, memory] */
struct scratch *scratch_of(lua_State *L);
/* The VM's scratch, or NULL before the first scratch_of. [-0, +0, never raises] */
struct scratch *scratch_peek(lua_State *L);
/* A scratch that is not busy: the VM's, or a new one. Pushes its userdata, which the caller keeps
 * on the stack while it uses the scratch. [-0, +1, memory] */
struct scratch *scratch_idle(lua_State *L);

/* Empties it for the next message. Memory of a large message is freed once a smaller one has
 * followed. */
void scratch_clear(struct scratch *s);
/* Drops the holds listed from byte `start` of `handles` on. */
void scratch_drop_handles(struct scratch *s, size_t start);

/* The id under which `type` is registered; 0: it is not. */
int handle_id(const struct handle_types *types, const struct handle_type *type);

#endif
