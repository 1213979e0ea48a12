/* SPDX-License-Identifier: MIT */
/* What a VM keeps between messages, so that a message costs no allocation: buffers, the maps of
 * objects and of keys, the known types of handles.
 *
 * I1  `is_busy` while an encoder works in it. An encoder that starts meanwhile (a finalizer that
 *     the collector ran) gets a scratch of its own.
 * I2  `handles` lists, in the form of wire/format.h, the holds taken for the message being encoded;
 *     each is either in a finished message or dropped.
 *
 * A userdata in the registry; freed with the VM. The VM's lock protects it.
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
  struct bytes deferred; /* u32 each: where the offset of the n-th deferred part has to be written */
  struct object_map map;
  struct key_list keys;
  struct handle_types *types; /* shared by all scratches of the VM; the first one owns it */
  struct handle_types own_types;
  bool is_busy;
};

/* The VM's scratch, made at the first call. [-0, +0, memory] */
struct scratch *scratch_of(lua_State *L);
/* The same, or NULL when there is none yet: never raises. */
struct scratch *scratch_peek(lua_State *L);
/* A scratch that is not busy: the VM's, or else a new one, which lives until the next of this kind and as
 * long as the userdata pushed here. [-0, +1, memory] */
struct scratch *scratch_idle(lua_State *L);

/* Empties it for the next message; what a giant made large is given back once a smaller one has followed. */
void scratch_clear(struct scratch *s);
/* Drops the holds listed from byte `start` of `handles` on. */
void scratch_drop_handles(struct scratch *s, size_t start);

/* The id of a registered type, 0 if there is none. */
int handle_id(const struct handle_types *types, const struct handle_type *type);

#endif
