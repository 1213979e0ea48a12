/* SPDX-License-Identifier: MIT */
/* Lua values -> bytes of wire/format.h. transfer.c and globals_encode.c are the only callers.
 *
 * An encoder works inside a protected call of its owner, on that call's stack; it raises whenever
 * it likes, and the owner cleans up (drops the holds, cuts the bytes). No metamethod of the user's
 * is called: tables are read raw. Recursion is bounded by `depth_max`; what is deeper becomes a
 * stub, goes to a worklist and is written behind the values (encode_deferred), which is how a
 * million levels fit into any C stack and any Lua's.
 */
#ifndef STATE_ENCODE_H
#define STATE_ENCODE_H

#include "state/scratch.h"
#include "state/value_path.h"
#include "wire/format.h"

enum encode_mode {
  ENCODE_MESSAGE, /* for a receiver of this program: handles travel along */
  ENCODE_DUMP,    /* for bytes that may be kept: no handles */
  ENCODE_IMAGE,   /* for globals: everything deferred, metatables by value where no module has them */
};

struct encoder {
  lua_State *L;
  struct scratch *s;
  enum encode_mode mode;
  int depth_max;
  int work; /* stack place of the list of deferred objects, nil while there are none */
  int work_count;
  int work_done;
  unsigned flags;         /* enum wire_flag, as the content demands */
  bool has_known_objects; /* the globals and the loaded modules are in the map */
  bool has_indexed_names; /* the index of names was rebuilt for this message */
};

/* `work` is a stack place that holds nil. */
struct encoder encoder_make(lua_State *L, struct scratch *s, enum encode_mode mode, int work);

/* Room for `size` more bytes; raises when there is no memory. Ended by encoder_wrote. [-0, +0, memory] */
uint8_t *encoder_room(struct encoder *e, size_t size);
static inline void encoder_wrote(struct encoder *e, const uint8_t *end) {
  e->s->out.len = (size_t)(end - e->s->out.data);
}
/* Appends a size as varint and the bytes. [-0, +0, memory] */
void encode_sized(struct encoder *e, const char *text, size_t size);

/* Appends the value at absolute stack index `index`. [-0, +0, raises] */
void encode_value(struct encoder *e, int index, const struct path_step *at);
/* Appends all deferred parts, and those that come up meanwhile. `root` names the root in
 * errors. [-0, +0, raises] */
void encode_deferred(struct encoder *e, const char *root);

#endif
