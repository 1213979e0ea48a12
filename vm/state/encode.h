/* SPDX-License-Identifier: MIT */
/* Encodes Lua values into bytes of wire/format.h. Only transfer.c and globals_encode.c call it.
 *
 * An encoder runs inside a protected call of its owner, on that call's stack. It may raise at any
 * point; the owner then drops the holds and discards the bytes. Tables are read raw, so no
 * metamethod of the script runs. Recursion is bounded by `depth_max`: a deeper object is written as
 * a stub, put on a worklist and written behind the values (encode_deferred). So a million levels
 * need neither C stack nor Lua stack.
 */
#ifndef STATE_ENCODE_H
#define STATE_ENCODE_H

#include "state/scratch.h"
#include "state/value_path.h"
#include "wire/format.h"

enum encode_mode {
  ENCODE_MESSAGE, /* for a receiver in this program: may contain handles */
  ENCODE_DUMP,    /* for storage: no handles */
  ENCODE_IMAGE,   /* for globals: all objects deferred; metatables that no module has, by value */
};

struct encoder {
  lua_State *L;
  struct scratch *s;
  enum encode_mode mode;
  int depth_max;
  int work; /* stack index of the list of deferred objects; nil while it is empty */
  int work_count;
  int work_done;
  bool is_list;               /* elements of the values share no objects with each other */
  uint32_t since;             /* the offset at which the current one begins */
  unsigned flags;             /* enum wire_flag */
  const void *last_class;     /* the metatable met last in a dump, or NULL */
  uint32_t last_class_offset; /* of the name by which strangers may send it; 0: they may not */
  bool has_known_objects;     /* _G and the loaded modules are in the map */
  bool has_indexed_names;     /* the index of names was rebuilt for this message */
};

/* An encoder that appends to `s`. The stack has nil at index `work`. [-0, +0] */
struct encoder encoder_make(lua_State *L, struct scratch *s, enum encode_mode mode, int work);

/* Reserves `size` bytes and returns where to write them. The caller then passes the end of what it
 * wrote to encoder_wrote. [-0, +0, memory] */
uint8_t *encoder_room(struct encoder *e, size_t size);
/* The bytes up to `end` are part of the message now. [-0, +0] */
static inline void encoder_wrote(struct encoder *e, const uint8_t *end) {
  e->s->out.len = (size_t)(end - e->s->out.data);
}
/* Appends a size as varint, then the bytes. [-0, +0, memory] */
void encode_sized(struct encoder *e, const char *text, size_t size);

/* Appends the value at absolute index `index`; `at` is its path. [-0, +0, raises] */
void encode_value(struct encoder *e, int index, const struct path_step *at);
/* Appends all deferred parts, including those deferred on the way. `root` names the root in
 * errors. [-0, +0, raises] */
void encode_deferred(struct encoder *e, const char *root);

#endif
