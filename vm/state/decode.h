/* SPDX-License-Identifier: MIT */
/* Bytes of wire/format.h -> Lua values. transfer.c and globals_install.c are the only callers.
 *
 * The bytes may be anybody's, unless `is_image`.
 *
 * I1  Nothing outside the message is read (wire/reader.h).
 * I2  No more than O(input) is allocated: `budget` is what array counts and rooms may still claim
 *     (wire/format.h, I5).
 * I3  Recursion ends at WIRE_DEPTH_MAX.
 *
 * All memory is Lua's, so raising anywhere leaks nothing but holds of handles, which `received`
 * counts. Decoding may run `require`, and so any Lua code, and so another decoder.
 */
#ifndef STATE_DECODE_H
#define STATE_DECODE_H

#include "state/lua_compat.h"
#include "state/names.h"
#include "state/scratch.h"
#include "wire/message.h"
#include "wire/reader.h"

struct decoder {
  lua_State *L;
  struct reader r;
  struct message message;
  const struct handle_types *types;
  int memo; /* stack place of offset -> object that is named again; nil while there are none */
  int work; /* stack place of the deferred objects and the offsets of their parts; nil while there are none */
  int work_count;
  int keys;       /* stack place of key 0 */
  int keys_count; /* so many have been read */
  uint64_t budget;
  uint32_t received; /* how many handles have been read; unused in an image */
  bool is_image;     /* bytes of our own, read out of order; see wire/format.h, I2 */
  bool takes_functions;
  bool takes_handles;
  enum names_trust trust;
};

/* Over a message that was parsed. From stack place `first` on there are nils: memo, work, and for each key
 * that the message numbers one more. */
struct decoder decoder_make(lua_State *L, const struct message *m, int first);

/* Pushes the value at the cursor. [-0, +1, raises] */
void decode_value(struct decoder *d);
/* Fills in the deferred objects. [-0, +0, raises] */
void decode_deferred(struct decoder *d);

/* Raises that the bytes are not a message, and where. */
NO_RETURN void decode_raise_malformed(struct decoder *d);
/* A size or count at the cursor. [-0, +0, raises] */
uint64_t decode_count(struct decoder *d);
/* Pushes a sized string. [-0, +1, raises] */
void decode_sized(struct decoder *d);

#endif
