/* SPDX-License-Identifier: MIT */
/* Decodes bytes of wire/format.h into Lua values. Only transfer.c and globals_install.c call it.
 *
 * No bytes break the reader, whatever the trust; an image alone has to be what an encoder wrote.
 * What bytes may bring depends on the trust in their sender: one list, by tag, at the head of
 * decode.c. A tag that is not on the list is accepted from nobody.
 *
 * I1  Nothing outside the message is read (wire/reader.h).
 * I2  Allocation is O(input): array counts and table sizes are charged against `budget`
 *     (wire/format.h, I5).
 * I3  Recursion ends at WIRE_DEPTH_MAX.
 * I4  Bytes of a stranger become nil, booleans, numbers, strings, NULL, and tables made here. The
 *     metatables of these are the classes that the program registered as untrusted. No Lua runs.
 *
 * All memory belongs to Lua, so an error leaks nothing. Decoding the bytes of a peer may call
 * `require`, which may run any Lua code, including another decoder.
 */
#ifndef STATE_DECODE_H
#define STATE_DECODE_H

#include "state/lua_compat.h"
#include "state/names.h"
#include "state/scratch.h"
#include "state/trust.h"
#include "wire/message.h"
#include "wire/reader.h"

struct decoder;

/* What decode.c asks of decode_class.c, which stands on it. Each is as the function of that name there. */
struct class_decoder {
  void (*decode)(struct decoder *d);
  void (*skip)(struct decoder *d);
  void (*decode_sent)(struct decoder *d, int depth);
};

struct decoder {
  lua_State *L;
  const struct class_decoder *class;
  struct reader r;
  struct message message;
  const struct handle_types *types;
  int memo; /* stack index of the table offset -> shared object; nil while it is empty */
  int work; /* stack index of the list: deferred object, offset of its part, …; nil while it is empty */
  int work_count;
  int keys;       /* stack index of key 0 */
  int keys_count; /* keys read so far */
  uint64_t budget;
  uint32_t received; /* handles read so far, in their order in the message; unused in an image */
  int sources_deep;  /* how many sources of modules are being read */
  bool sees_globals; /* a value is the table of globals, of which the script may look at anything */
  bool is_image;     /* globals of this program, read out of order; see wire/format.h, I2 */
  enum trust trust;
  struct decoder *outer;  /* of a class body: the decoder of the message; else NULL */
  uint32_t handles_start; /* of a class body: its first handle in the message */
  int filling;            /* class bodies that are being decoded, one within the other */
};

/* Keeps the function on top of the stack, to be called once values that hold the table of globals are
 * decoded; nil: none. [-1, +0, memory] */
void decode_set_sighting(lua_State *L);
/* The function is called behind the next message as well. [-0, +0, memory] */
void decode_see_globals_later(lua_State *L);
/* Calls it if the decoder has seen the table. [-0, +0, raises] */
void decode_end(struct decoder *d);

/* A decoder for a parsed message. The stack has nils from index `first` on: for memo, for work, and
 * one for each key that the message numbers. [-0, +0] */
struct decoder decoder_make(lua_State *L, const struct message *m, int first);

/* Pushes the value at the cursor. [-0, +1, raises] */
void decode_value(struct decoder *d);
/* Fills in the deferred objects. [-0, +0, raises] */
void decode_deferred(struct decoder *d);

/* For decode_class.c: a value at a depth; a metatable; the contents of a table, whose shape and count are at the
 * cursor, into the one on top of the stack; the same for a deferred one, which comes later; the deferred objects
 * behind those done. */
void decode_at_depth(struct decoder *d, int depth);
void decode_metatable(struct decoder *d, int depth);
void decode_into_table(struct decoder *d);
void decode_deferred_into(struct decoder *d);
void decode_deferred_behind(struct decoder *d, int done);
const uint8_t *decode_bytes(struct decoder *d, uint64_t size);
uint8_t decode_u8(struct decoder *d);
uint32_t decode_u32(struct decoder *d);
void decode_make_memo(struct decoder *d);

/* Raises "malformed message (at byte N)". [raises] */
NO_RETURN void decode_raise_malformed(struct decoder *d);
/* Reads a size or count at the cursor. [-0, +0, raises] */
uint64_t decode_count(struct decoder *d);
/* Pushes a sized string. [-0, +1, raises] */
void decode_sized(struct decoder *d);

#endif
