/* SPDX-License-Identifier: MIT */
/* Values of a VM on their way into a ring.
 *
 * A parcel is opened, packed once, put until a put succeeds or the caller stops trying, and settled
 * exactly once. The bytes are copied as little as possible: a lone scalar is written in place, a
 * lone string is copied from Lua's memory into the ring or a block, and other values are encoded,
 * long ones into a block that is handed over without a copy.
 *
 *     record := head | body
 *     head   := envelope, if any | first bytes of a lone value
 *     body   := a lone string's bytes | the encoder's message
 *
 * I1  Between pack and settle a parcel has a hold on each object that it carries. After a
 *     successful put the ring keeps them alive by itself (shared/attachments.h).
 * I2  The VM owns the encoded bytes until parcel_keep. A caller that leaves the VM lock before it
 *     settles calls parcel_keep first. The values stay on the Lua stack until the parcel is
 *     settled.
 *
 * A struct parcel points into itself and does not move. Between pack and settle no error is raised
 * and no child is forked.
 */
#ifndef STATE_PARCEL_H
#define STATE_PARCEL_H

#include "shared/ring.h"
#include "state/lua_compat.h"

enum { PARCEL_ENVELOPE_MAX = 56, PARCEL_HEAD_MAX = 88 };

struct parcel {
  struct ring_record record;
  struct bytes *text;   /* the encoded message; NULL: a lone value */
  struct bytes kept;    /* `text` points to it after parcel_keep */
  struct bytes carried; /* the references in `text` */
  struct ring_key key;  /* of size 0: not for a sorted ring */
  uint8_t head[PARCEL_HEAD_MAX];
};

/* Makes an empty parcel with an envelope of `size` bytes, at most PARCEL_ENVELOPE_MAX, in front of
 * the values. */
void parcel_open(struct parcel *p, const void *envelope, size_t size);
/* Packs the `count` values from index `first` on as one message; `what` as for transfer_encode. An
 * error leaves nothing to settle. [-0, +0, raises] */
void parcel_pack(lua_State *L, struct parcel *p, int first, int count, const char *what);
/* The parcel goes into a sorted ring. The bytes of the key stay until the parcel is settled. Before parcel_pack. */
void parcel_sort(struct parcel *p, struct ring_key key);
/* As ring_put, with a receipt if record.receipt is set before. May be repeated after a failure. */
MUST_CHECK status parcel_put(struct ring *r, const struct parcel *p, deadline until);
/* Takes the encoded bytes over from the VM, so that other code of the VM may encode. */
void parcel_keep(struct parcel *p);
/* Frees what was not handed over. `st` is the result of the last put. */
void parcel_settle(struct parcel *p, status st);

#endif
