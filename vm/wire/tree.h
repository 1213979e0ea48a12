/* SPDX-License-Identifier: MIT */
/* A message as a tree that C code can walk without Lua: the implementation of `mm_val`.
 *
 * A tree is a list of values. Each node knows its tree, and the owner of any node owns the tree. It
 * is made once, by reading a message (tree_read) or by adding nodes (tree_make and the functions
 * after it), and never changes after that: any thread may read it.
 *
 * I1  A tree that was read keeps its message, with a hold on each object in it
 *     (channel/message_refs.h); a list is sent to another VM as those bytes, with its functions and
 *     handles.
 * I2  A table that is referenced several times is one table of the tree, also where it contains
 *     itself.
 * I3  Reading allocates no more than O(bytes), whatever the bytes are.
 */
#ifndef WIRE_TREE_H
#define WIRE_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum node_type {
  NODE_NIL,
  NODE_FALSE,
  NODE_TRUE,
  NODE_INTEGER,
  NODE_FLOAT,
  NODE_STRING,
  NODE_TABLE,
  NODE_ARRAY_HANDLE, /* a typed array (HANDLE_ARRAY) */
  NODE_QUEUE_HANDLE, /* a queue (HANDLE_QUEUE) */
  NODE_OPAQUE,       /* for Lua alone: a function, another handle, a value that travels by name */
  NODE_LIST,         /* the root: for the reader a table without pairs */
};

struct mm_val {
  struct tree *tree;
  enum node_type type;
  union {
    int64_t integer;
    double number;
    struct {
      const char *text; /* zero-terminated */
      size_t size;
    } string;
    struct node_table *table; /* NODE_TABLE, NODE_LIST */
    uint64_t reference;       /* NODE_ARRAY_HANDLE, NODE_QUEUE_HANDLE */
  };
};

struct node_pair {
  struct mm_val key;
  struct mm_val item;
};

struct node_table {
  struct mm_val *items;
  size_t item_count;
  struct node_pair *pairs; /* string keys first, in their order, then the others */
  size_t pair_count;
  size_t named_count; /* pairs with string keys */
};

struct tree_block;
struct tree {
  struct mm_val root; /* first: the root's address is the tree's */
  _Atomic unsigned owners;
  struct bytes message; /* empty: the tree was not read, or cannot be forwarded as it is */
  struct tree_block *blocks;
};

/* Makes the tree of a message and takes the message over; on failure the caller still owns it.
 * STATUS_MALFORMED, -ENOMEM. */
MUST_CHECK status tree_read(struct bytes *message, struct tree **out);
/* Makes an empty tree with one owner. -ENOMEM. */
MUST_CHECK status tree_make(struct tree **out);
/* Memory that lives as long as the tree; NULL: out of memory. Only while the tree is being made. */
MUST_CHECK void *tree_allocate(struct tree *t, size_t size);
/* Makes *out a string of a copy of the text. -ENOMEM. */
MUST_CHECK status tree_set_string(struct tree *t, struct mm_val *out, const void *text, size_t size);
/* Sorts the pairs. Only while the tree is being made. */
void tree_order_pairs(struct node_table *table);

/* Adds an owner. */
static inline void tree_keep(struct tree *t) { atomic_fetch_add(&t->owners, 1); }
/* Drops one owner. True: it was the last; the caller releases the message's holds, then calls
 * tree_free. */
MUST_CHECK bool tree_drop(struct tree *t);
/* With its blocks and the message that it views. */
void tree_free(struct tree *t);

/* The field of that name; NULL: none. */
const struct mm_val *tree_field(const struct node_table *table, const char *name, size_t size);

/* Appends a list's values to `out`, which is empty, as a message: the one that was read, or a new
 * one. A new one names the handles of `list`; the caller takes the holds. STATUS_MALFORMED: it
 * contains a value that C cannot write, or is nested too deeply; STATUS_TOO_LARGE, -ENOMEM. */
MUST_CHECK status tree_write(const struct mm_val *list, struct bytes *out);

#endif
