/* SPDX-License-Identifier: MIT */
/* Values of a VM on their way into a ring.
 *
 * Opened, packed once, put as often as it takes, and settled exactly once. The bytes go the
 * shortest way: a lone scalar is written in place and a lone string is copied from Lua's memory
 * straight into the ring or into a block; other values are encoded, the long ones into a block that
 * is handed over as it is.
 *
 *     letter := head | body
 *     head   := envelope, if any | first bytes of a lone value
 *     body   := a lone string's bytes | the encoder's message
 *
 * I1  Between pack and settle a parcel has a hold on each object that it carries; a ring that took
 *     it keeps them alive by itself (shared/attachments.h).
 * I2  Encoded bytes are the VM's until parcel_keep: a caller that leaves the VM's lock before it
 *     settles keeps them. The values stay on the Lua stack meanwhile.
 *
 * A struct parcel points into itself and does not move. No error may be raised between pack and
 * settle, and no child be forked.
 */
#ifndef STATE_PARCEL_H
#define STATE_PARCEL_H

#include "shared/ring.h"
#include "state/lua_compat.h"

enum { PARCEL_ENVELOPE_MAX = 48, PARCEL_HEAD_MAX = 80 };

struct parcel {
  struct ring_record record;
  struct bytes *text;   /* the encoded message; NULL: the letter says it all */
  struct bytes kept;    /* what `text` points to once it is the parcel's own */
  struct bytes carried; /* the references in `text`; empty: none */
  uint8_t head[PARCEL_HEAD_MAX];
};

/* An empty parcel, with an envelope of `size` bytes in front of what it will carry. */
void parcel_open(struct parcel *p, const void *envelope, size_t size);
/* Packs the `count` values from index `first` on as one message; `what` as for
 * transfer_encode. [-0, +0, raises] */
void parcel_pack(lua_State *L, struct parcel *p, int first, int count, const char *what);
/* As ring_put. */
MUST_CHECK status parcel_put(struct ring *r, const struct parcel *p, deadline until);
/* Other code of this VM may encode from here on. */
void parcel_keep(struct parcel *p);
/* `st` is how the last put ended. */
void parcel_settle(struct parcel *p, status st);

#endif
