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

enum metatable_kind {
  METATABLE_PLAIN,
  METATABLE_CALLABLE,
  METATABLE_WEAK, /* with weak keys */
  METATABLE_SENDS,
  METATABLE_FORBIDS
};

struct sending; /* an object whose __mm_send has been called (encode_class.c) */

struct encoder;

/* What encode.c asks of encode_class.c, which stands on it. Each is as the function of that name there. */
struct class_encoder {
  void (*encode)(struct encoder *e, int index, const struct path_step *at);
  bool (*encode_if_class)(struct encoder *e, int index, const struct path_step *at, int depth);
  bool (*encode_if_object)(struct encoder *e, int index, const struct path_step *at, int depth);
  void (*see_field)(struct encoder *e, int index, int key);
  void (*see_metatable)(struct encoder *e, int index);
  bool (*encode_entries)(struct encoder *e, int index, const struct path_step *at, int depth);
  void (*check_reference)(struct encoder *e, uint32_t offset);
};

struct encoder {
  lua_State *L;
  const struct vm *vm;
  const struct class_encoder *class;
  struct scratch *s;
  enum encode_mode mode;
  int depth_max;
  int work;    /* stack index of the list of deferred objects; nil while it is empty */
  int classes; /* stack index: work + 1; the list of classes to send, or a body's imports; nil while empty */
  int work_count;
  int kept_count; /* values in the same table, below its first element */
  int work_done;
  uint32_t renewed;           /* the offset where the value of encode_set_renewed ends; 0: there is none */
  bool is_list;               /* elements of the values share no objects with each other */
  uint32_t since;             /* the offset at which the current one begins */
  bool needs_modules;         /* the receiver may have to load some */
  uint32_t least_reference;   /* the first offset that was referred to */
  unsigned flags;             /* enum wire_flag */
  const void *last_class;     /* the metatable met last in a dump, or NULL */
  uint32_t last_class_offset; /* of the name by which strangers may send it; 0: they may not */
  bool has_known_objects;     /* _G and the loaded modules are in the map */
  enum encode_sources {
    SOURCES_NOT_LOOKED, /* whether modules may have to go along as their source */
    SOURCES_NONE,
    SOURCES_SOME, /* those that went are keys of a table in the registry */
  } sources;
  int sources_deep;       /* how many sources are being written */
  bool has_indexed_names; /* the index of names was rebuilt for this message */
  /* Classes: see encode_class.h. */
  struct encoder *root;  /* of the body of a class: the encoder of the message; else NULL */
  struct bytes *handles; /* those of the message */
  size_t handles_start;  /* in it: of those that the body names */
  int class_count;       /* in the list */
  int class_done;        /* in the list: they have bodies, and what these import is in the list, too */
  int nesting;           /* bodies that are being encoded, one within the other */
  bool has_closure;      /* the list is the kept closure of its first class, which is not to be changed */
  bool
      may_keep; /* the list has one class, known before, and those to which it leads; no body holds handles */
  bool is_completing;       /* the list: classes are added that others import */
  bool is_careful;          /* each table is looked at before it is written, because an attempt has failed */
  bool must_repeat;         /* a class was written as a table before it was known to be one */
  enum metatable_kind kind; /* of the object that is about to be written */
  const void *last_metatable; /* the one looked at last, or NULL */
  enum metatable_kind last_kind;
  const struct sending *sending;
};

/* An encoder that appends to `s`; encode_class.c makes complete ones. The stack has nil at index `work` and the next
 * one. [-0, +0] */
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

/* The first value is written, and the next one follows: what was written with it is not referred to.
 * [-0, +0, raises] */
void encode_end_renewing(struct encoder *e);

/* For encode_class.c: a value at a depth; a table as what it contains, whatever it is; a metatable; the name
 * that is on top of the stack, module and path [-2]; and the deferred parts behind those done. */
void encode_at_depth(struct encoder *e, int index, const struct path_step *at, int depth);
void encode_table_as_data(struct encoder *e, int index, const struct path_step *at);
void encode_metatable(struct encoder *e, int index, const struct path_step *at, int depth);
void encode_found_name(struct encoder *e);
void encode_stub(struct encoder *e, int index);
/* Keeps the value on top of the stack, which nothing else may refer to, until the message is finished: the map knows
 * objects by their addresses. [-0, +0, memory] */
void encoder_keep(struct encoder *e);
void encode_registered(struct encoder *e);
uint32_t encoder_offset(struct encoder *e);
void must_succeed(struct encoder *e, status st);

/* Appends the value at absolute index `index`; `at` is its path. [-0, +0, raises] */
void encode_value(struct encoder *e, int index, const struct path_step *at);
/* Appends all deferred parts, including those deferred on the way. `root` names the root in
 * errors. [-0, +0, raises] */
void encode_deferred(struct encoder *e, const char *root);

#endif
