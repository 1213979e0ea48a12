/* SPDX-License-Identifier: MIT */
/* Reading follows format.h, and state/decode.c, step by step, and skips values that only Lua
 * understands.
 */
#include "wire/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/format.h"
#include "wire/handles.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

/* ---- memory ---------------------------------------------------------------------------------- */

enum { FIRST_BLOCK_SIZE = 192, BLOCK_SIZE = 2000, ALIGNMENT = 8 }; /* most trees are small */

struct tree_block {
  struct tree_block *next;
  size_t used;
  size_t size;
  _Alignas(16) uint8_t data[];
};

/* A large piece gets a block of its own, behind the block that is being filled. */
void *tree_allocate(struct tree *t, size_t size) {
  size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
  struct tree_block *first = t->blocks;
  if (first && first->size - first->used >= size) {
    first->used += size;
    return first->data + first->used - size;
  }
  const size_t usual = first ? BLOCK_SIZE : FIRST_BLOCK_SIZE;
  const bool is_large = size > usual / 2;
  const size_t room = is_large ? size : usual;
  struct tree_block *block = memory_alloc(sizeof *block + room);
  if (!block) return NULL;
  block->size = room;
  block->used = size;
  if (is_large && first) {
    block->next = first->next;
    first->next = block;
  } else {
    block->next = first;
    t->blocks = block;
  }
  return block->data;
}

status tree_make(struct tree **out) {
  struct tree *t = memory_alloc(sizeof *t);
  if (!t) return -ENOMEM;
  atomic_store(&t->owners, 1);
  t->root = (struct mm_val){.tree = t, .type = NODE_LIST};
  *out = t;
  return STATUS_OK;
}

bool tree_drop(struct tree *t) { return atomic_fetch_sub(&t->owners, 1) == 1; }

void tree_free(struct tree *t) {
  for (struct tree_block *block = t->blocks; block;) {
    struct tree_block *next = block->next;
    memory_free(block);
    block = next;
  }
  bytes_fini(&t->message);
  memory_free(t);
}

status tree_set_string(struct tree *t, struct mm_val *out, const void *text, size_t size) {
  char *copy = tree_allocate(t, size + 1);
  if (!copy) return -ENOMEM;
  if (size) memcpy(copy, text, size);
  copy[size] = '\0';
  *out = (struct mm_val){.tree = t, .type = NODE_STRING, .string = {copy, size}};
  return STATUS_OK;
}

/* ---- fields by name -------------------------------------------------------------------------- */

static int compare_names(const struct mm_val *a, const char *name, size_t size) {
  const size_t least = a->string.size < size ? a->string.size : size;
  const int order = memcmp(a->string.text, name, least);
  return order ? order : (a->string.size > size) - (a->string.size < size);
}

static int compare_pairs(const void *left, const void *right) {
  const struct node_pair *a = left, *b = right;
  const bool is_named = a->key.type == NODE_STRING;
  if (is_named != (b->key.type == NODE_STRING)) return is_named ? -1 : 1;
  return is_named ? compare_names(&a->key, b->key.string.text, b->key.string.size) : 0;
}

void tree_order_pairs(struct node_table *table) {
  if (table->pair_count > 1) qsort(table->pairs, table->pair_count, sizeof *table->pairs, compare_pairs);
  table->named_count = 0;
  while (table->named_count < table->pair_count && table->pairs[table->named_count].key.type == NODE_STRING)
    table->named_count++;
}

const struct mm_val *tree_field(const struct node_table *table, const char *name, size_t size) {
  size_t low = 0, high = table->named_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const int order = compare_names(&table->pairs[middle].key, name, size);
    if (order == 0) return &table->pairs[middle].item;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* An object that may be referenced again, and the offset of its tag. Offsets rise while tags are
 * read. */
struct seen {
  uint64_t offset;
  struct mm_val node;
};

/* A deferred part, which is read after the values: a table to be filled, or (NULL) a function to be
 * skipped. */
struct deferred {
  uint32_t part;
  struct node_table *table;
};

struct tree_reader {
  struct tree *tree;
  struct reader r;
  struct message message;
  struct bytes seen;     /* struct seen … */
  struct bytes deferred; /* struct deferred … */
  struct mm_val keys[KEYS_MAX];
  unsigned key_count;
  uint32_t handles;
  uint64_t budget;
};

static status read_node(struct tree_reader *d, struct mm_val *out, int depth);
static status read_deferred(struct tree_reader *d, size_t done);

static status read_string(struct tree_reader *d, struct mm_val *out, uint64_t size) {
  const uint8_t *text = NULL;
  const status st = read_bytes(&d->r, size, &text);
  return st ? st : tree_set_string(d->tree, out, text, (size_t)size);
}

static status read_sized(struct tree_reader *d, struct mm_val *out) {
  uint64_t size = 0;
  const status st = read_varint(&d->r, &size);
  return st ? st : read_string(d, out, size);
}

static status skip_sized(struct tree_reader *d) {
  uint64_t size = 0;
  const uint8_t *text = NULL;
  const status st = read_varint(&d->r, &size);
  return st ? st : read_bytes(&d->r, size, &text);
}

static status remember(struct tree_reader *d, uint8_t tag, size_t offset, const struct mm_val *node) {
  if (!(tag & TAG_SHARED)) return STATUS_OK;
  const struct seen seen = {offset, *node};
  return bytes_append(&d->seen, &seen, sizeof seen);
}

static status read_reference(struct tree_reader *d, struct mm_val *out) {
  uint64_t offset = 0;
  const status st = read_varint(&d->r, &offset);
  if (st) return st;
  const struct seen *seen = (const struct seen *)(const void *)d->seen.data;
  size_t low = 0, high = d->seen.len / sizeof *seen;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (seen[middle].offset == offset) {
      *out = seen[middle].node;
      return STATUS_OK;
    }
    if (seen[middle].offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return STATUS_MALFORMED;
}

/* Memory for `count` elements of a size, if the message can contain so many. */
static status claim(struct tree_reader *d, uint64_t count, size_t size, void **out) {
  if (count > d->budget) return STATUS_MALFORMED;
  d->budget -= count;
  if (count == 0) return STATUS_OK;
  *out = tree_allocate(d->tree, (size_t)count * size);
  return *out ? STATUS_OK : -ENOMEM;
}

static status read_numbers(struct tree_reader *d, struct node_table *table, uint8_t tag) {
  const unsigned size = bulk_size(tag);
  const uint8_t *at = NULL;
  const status st = read_bytes(&d->r, size * (uint64_t)table->item_count, &at);
  if (st) return st;
  for (size_t i = 0; i < table->item_count; i++, at += size) {
    struct mm_val *item = &table->items[i];
    *item = (struct mm_val){.tree = d->tree, .type = tag == TAG_FLOATS ? NODE_FLOAT : NODE_INTEGER};
    if (tag == TAG_FLOATS)
      memcpy(&item->number, at, sizeof item->number);
    else
      item->integer = load_integer(at, size);
  }
  return STATUS_OK;
}

static status read_items(struct tree_reader *d, struct node_table *table, int depth) {
  if (table->item_count == 0) return STATUS_OK;
  if (reader_left(&d->r) == 0) return STATUS_MALFORMED;
  const uint8_t tag = *d->r.at;
  if (bulk_size(tag)) {
    d->r.at++;
    return read_numbers(d, table, tag);
  }
  for (size_t i = 0; i < table->item_count; i++) {
    const status st = read_node(d, &table->items[i], depth);
    if (st) return st;
  }
  return STATUS_OK;
}

static status read_key(struct tree_reader *d, struct mm_val *out, int depth) {
  const uint8_t tag = *d->r.at;
  if (tag < TAG_SHORT_STRING) return read_node(d, out, depth);
  d->r.at++;
  if (tag >= TAG_KEY) {
    if (tag - TAG_KEY >= (int)d->key_count) return STATUS_MALFORMED;
    *out = d->keys[tag - TAG_KEY];
    return STATUS_OK;
  }
  const status st = read_string(d, out, tag - TAG_SHORT_STRING);
  if (st == STATUS_OK && d->key_count < d->message.key_count) d->keys[d->key_count++] = *out;
  return st;
}

static status read_pairs(struct tree_reader *d, struct node_table *table, uint64_t room, int depth) {
  for (;; table->pair_count++) {
    if (reader_left(&d->r) == 0) return STATUS_MALFORMED;
    if (*d->r.at == TAG_END) break;
    if (table->pair_count == room) return STATUS_MALFORMED;
    struct node_pair *pair = &table->pairs[table->pair_count];
    status st = read_key(d, &pair->key, depth);
    if (st == STATUS_OK) st = read_node(d, &pair->item, depth);
    if (st) return st;
  }
  d->r.at++;
  tree_order_pairs(table);
  return STATUS_OK;
}

static status skip_entries(struct tree_reader *d, int depth) {
  struct mm_val ignored;
  uint8_t count = 0;
  status st = read_u8(&d->r, &count);
  for (int i = 0; st == STATUS_OK && i < 2 * count; i++) st = read_node(d, &ignored, depth);
  return st;
}

/* Reads the part of a table at the cursor. */
static status read_table(struct tree_reader *d, struct node_table *table, int depth) {
  uint8_t shape = 0;
  uint64_t count = 0;
  status st = read_u8(&d->r, &shape);
  if (st == STATUS_OK) st = read_varint(&d->r, &count);
  void *items = NULL, *pairs = NULL;
  if (st == STATUS_OK) st = claim(d, count, sizeof *table->items, &items);
  const unsigned room_bits = shape & SHAPE_ROOM_MASK;
  const uint64_t room = room_bits ? UINT64_C(1) << (room_bits - 1) : 0;
  if (st == STATUS_OK) st = claim(d, room, sizeof *table->pairs, &pairs);
  if (st) return st;
  table->items = items;
  table->item_count = (size_t)count;
  table->pairs = pairs;
  st = read_items(d, table, depth);
  if (st == STATUS_OK && room) st = read_pairs(d, table, room, depth);
  struct mm_val metatable;
  if (st == STATUS_OK && shape & SHAPE_METATABLE) st = read_node(d, &metatable, depth);
  return st == STATUS_OK && shape & SHAPE_ENTRIES ? skip_entries(d, depth) : st;
}

static status read_upvalue(struct tree_reader *d, int depth) {
  const size_t offset = reader_offset(&d->r);
  uint8_t tag = 0;
  uint64_t worker_status = 0;
  const status st = read_u8(&d->r, &tag);
  if (st) return st;
  if (tag == TAG_REF) return read_varint(&d->r, &worker_status);
  if ((tag & ~TAG_SHARED) != TAG_CELL) return STATUS_MALFORMED;
  const struct mm_val node = {.tree = d->tree, .type = NODE_OPAQUE};
  const status noted = remember(d, tag, offset, &node);
  struct mm_val ignored;
  return noted ? noted : read_node(d, &ignored, depth);
}

static status skip_function(struct tree_reader *d, int depth) {
  uint8_t shape = 0, count = 0;
  struct mm_val ignored;
  status st = read_u8(&d->r, &shape);
  if (st == STATUS_OK && shape & FUNCTION_ENVIRONMENT) st = read_node(d, &ignored, depth);
  if (st == STATUS_OK) st = read_u8(&d->r, &count);
  for (int i = 0; st == STATUS_OK && i < count; i++) st = read_upvalue(d, depth);
  return st;
}

static status defer(struct tree_reader *d, uint32_t part, struct node_table *table) {
  const struct deferred deferred = {part, table};
  return bytes_append(&d->deferred, &deferred, sizeof deferred);
}

static status skip_code(struct tree_reader *d) {
  uint32_t size = 0;
  const uint8_t *code = NULL;
  const status st = read_u32(&d->r, &size);
  return st ? st : read_bytes(&d->r, size, &code);
}

static status read_handle(struct tree_reader *d, struct mm_val *out) {
  uint64_t index = 0;
  const status st = read_varint(&d->r, &index);
  if (st) return st;
  if (index >= d->message.handle_count || index < d->handles) return STATUS_MALFORMED;
  const struct message_handle handle = message_handle_at(&d->message, (uint32_t)index);
  d->handles = (uint32_t)index + 1;
  *out = (struct mm_val){.tree = d->tree, .type = NODE_OPAQUE};
  if (handle.type != HANDLE_ARRAY && handle.type != HANDLE_QUEUE) return STATUS_OK;
  out->type = handle.type == HANDLE_ARRAY ? NODE_ARRAY_HANDLE : NODE_QUEUE_HANDLE;
  out->reference = handle.reference;
  return STATUS_OK;
}

static status skip_handle_part(struct tree_reader *d, struct mm_val *out) {
  uint64_t place = 0;
  const status st = read_handle(d, out);
  out->type = NODE_OPAQUE;
  return st ? st : read_varint(&d->r, &place);
}

static status read_table_object(struct tree_reader *d, struct mm_val *out, uint8_t tag, size_t offset,
                                int depth) {
  out->type = NODE_TABLE;
  out->table = tree_allocate(d->tree, sizeof *out->table);
  if (!out->table) return -ENOMEM;
  *out->table = (struct node_table){0};
  const status st = remember(d, tag, offset, out);
  if (st) return st;
  if ((tag & ~TAG_SHARED) == TAG_TABLE)
    return depth < WIRE_DEPTH_MAX ? read_table(d, out->table, depth + 1) : STATUS_MALFORMED;
  uint32_t part = 0;
  const status at = read_u32(&d->r, &part);
  return at ? at : defer(d, part, out->table);
}

static status read_function_object(struct tree_reader *d, const struct mm_val *node, uint8_t tag,
                                   size_t offset, int depth) {
  uint32_t part = 0;
  const bool is_deferred = (tag & ~TAG_SHARED) == TAG_FUNCTION_DEFERRED;
  status st = is_deferred ? read_u32(&d->r, &part) : STATUS_OK;
  if (st == STATUS_OK) st = skip_code(d);
  if (st == STATUS_OK) st = remember(d, tag, offset, node);
  if (st) return st;
  if (is_deferred) return defer(d, part, NULL);
  return depth < WIRE_DEPTH_MAX ? skip_function(d, depth + 1) : STATUS_MALFORMED;
}

static status skip_class(struct tree_reader *d) {
  const uint8_t *id = NULL;
  return read_bytes(&d->r, CLASS_ID_SIZE, &id);
}

/* Skips an object that its class makes of a value: the value is read, because it has keys and handles. */
static status skip_sent(struct tree_reader *d, const struct mm_val *node, uint8_t tag, size_t offset,
                        int depth) {
  const size_t start = d->deferred.len;
  struct mm_val ignored;
  uint32_t size = 0;
  status st = depth < WIRE_DEPTH_MAX + WIRE_SENDING_MAX ? remember(d, tag, offset, node) : STATUS_MALFORMED;
  if (st == STATUS_OK) st = read_u32(&d->r, &size);
  if (st == STATUS_OK) st = read_node(d, &ignored, depth);
  if (st == STATUS_OK) st = read_node(d, &ignored, depth + 1);
  if (st == STATUS_OK) st = read_deferred(d, start);
  d->deferred.len = start;
  return st;
}

static status read_object(struct tree_reader *d, struct mm_val *out, uint8_t tag, size_t offset, int depth) {
  *out = (struct mm_val){.tree = d->tree, .type = NODE_OPAQUE};
  status st = STATUS_OK;
  switch (tag & ~TAG_SHARED) {
    case TAG_NAMED: st = skip_sized(d); /* fall through */
    case TAG_MODULE:
    case TAG_REGISTERED:
      if (st == STATUS_OK) st = skip_sized(d);
      break;
    case TAG_HANDLE: st = read_handle(d, out); break;
    case TAG_HANDLE_PART: st = skip_handle_part(d, out); break;
    case TAG_CLASS: st = skip_class(d); break;
    case TAG_STRING: st = read_sized(d, out); break;
    case TAG_SENT: return skip_sent(d, out, tag, offset, depth);
    case TAG_TABLE:
    case TAG_TABLE_DEFERRED: return read_table_object(d, out, tag, offset, depth);
    case TAG_FUNCTION:
    case TAG_FUNCTION_DEFERRED: return read_function_object(d, out, tag, offset, depth);
    default: return STATUS_MALFORMED;
  }
  return st ? st : remember(d, tag, offset, out);
}

static status read_number(struct tree_reader *d, struct mm_val *out, uint8_t tag) {
  uint64_t bits = 0;
  if (tag == TAG_FLOAT) return read_double(&d->r, &out->number);
  const status st = read_varint(&d->r, &bits);
  out->integer = unzigzag(bits);
  return st;
}

/* A value behind the source of a module, which Lua alone can use. */
static status read_after_source(struct tree_reader *d, struct mm_val *out, int depth) {
  struct mm_val source;
  if (depth >= WIRE_DEPTH_MAX) return STATUS_MALFORMED;
  status st = skip_sized(d);
  if (st == STATUS_OK) st = read_node(d, &source, depth + 1);
  return st ? st : read_node(d, out, depth + 1);
}

static status read_node(struct tree_reader *d, struct mm_val *out, int depth) {
  const size_t offset = reader_offset(&d->r);
  uint8_t tag = 0;
  const status st = read_u8(&d->r, &tag);
  if (st) return st;
  *out = (struct mm_val){.tree = d->tree};
  if (tag >= TAG_SHORT_STRING)
    return tag < TAG_KEY ? read_string(d, out, tag - TAG_SHORT_STRING) : STATUS_MALFORMED;
  if (tag >= TAG_SMALL_INTEGER) {
    out->type = NODE_INTEGER;
    out->integer = tag & 0x3f;
    return STATUS_OK;
  }
  switch (tag) {
    case TAG_NIL: out->type = NODE_NIL; return STATUS_OK;
    case TAG_FALSE: out->type = NODE_FALSE; return STATUS_OK;
    case TAG_TRUE: out->type = NODE_TRUE; return STATUS_OK;
    case TAG_INTEGER: out->type = NODE_INTEGER; return read_number(d, out, tag);
    case TAG_FLOAT: out->type = NODE_FLOAT; return read_number(d, out, tag);
    case TAG_STRING: return read_sized(d, out);
    case TAG_REF: return read_reference(d, out);
    case TAG_GLOBALS:
    case TAG_NULL: out->type = NODE_OPAQUE; return STATUS_OK;
    case TAG_SOURCE: return read_after_source(d, out, depth);
    default: return read_object(d, out, tag, offset, depth);
  }
}

/* Reads the deferred parts from one in the list on. */
static status read_deferred(struct tree_reader *d, size_t done) {
  for (; done < d->deferred.len; done += sizeof(struct deferred)) {
    struct deferred next;
    memcpy(&next, d->deferred.data + done, sizeof next);
    if (next.part != reader_offset(&d->r)) return STATUS_MALFORMED;
    const status st = next.table ? read_table(d, next.table, 1) : skip_function(d, 1);
    if (st) return st;
  }
  return STATUS_OK;
}

static status read_list(struct tree_reader *d) {
  struct node_table *table = tree_allocate(d->tree, sizeof *table);
  uint64_t count = 0;
  void *items = NULL;
  if (!table) return -ENOMEM;
  *table = (struct node_table){0};
  d->tree->root.table = table;
  status st = reader_seek(&d->r, WIRE_HEADER_SIZE);
  if (st == STATUS_OK) st = read_varint(&d->r, &count);
  if (st == STATUS_OK) st = claim(d, count, sizeof *table->items, &items);
  if (st) return st;
  table->items = items;
  for (; st == STATUS_OK && table->item_count < count; table->item_count++)
    st = read_node(d, &table->items[table->item_count], 0);
  if (st == STATUS_OK) st = read_deferred(d, 0);
  return st == STATUS_OK && reader_left(&d->r) ? STATUS_MALFORMED : st;
}

status tree_read(struct bytes *message, struct tree **out) {
  struct message m;
  status st = message_parse(message->data, message->len, &m);
  if (st || m.version != WIRE_VERSION || m.flags & FLAG_IMAGE) return STATUS_MALFORMED;
  struct tree_reader d = {
      .message = m, .r = reader_over(message->data, message_values_end(&m)), .budget = m.body_end};
  st = tree_make(&d.tree);
  if (st) return st;
  bytes_init(&d.seen);
  bytes_init(&d.deferred);
  st = read_list(&d);
  bytes_fini(&d.seen);
  bytes_fini(&d.deferred);
  if (st) {
    tree_free(d.tree);
    return st;
  }
  d.tree->message = *message;
  bytes_init(message);
  *out = d.tree;
  return STATUS_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

enum { WRITE_DEPTH_MAX = WIRE_DEPTH_MAX - 1 };

struct tree_writer {
  struct bytes *out;
  struct bytes handles;
};

static status write_node(struct tree_writer *w, const struct mm_val *node, int depth);

static status write_text(struct tree_writer *w, const char *text, size_t size) {
  const status st = bytes_reserve(w->out, WRITER_VALUE_MAX + size);
  if (st) return st;
  uint8_t *at = w->out->data + w->out->len;
  at = size <= SHORT_STRING_MAX ? put_u8(at, TAG_SHORT_STRING | (unsigned)size)
                                : put_varint(put_u8(at, TAG_STRING), size);
  if (size) memcpy(at, text, size);
  w->out->len = (size_t)(at + size - w->out->data);
  return STATUS_OK;
}

/* The least r with room for that many pairs in 2^(r-1). */
static unsigned room_for(size_t pairs) {
  unsigned room = 0;
  while (pairs && ((size_t)1 << room) < pairs) room++;
  return pairs ? room + 1 : 0;
}

static status write_items(struct tree_writer *w, const struct node_table *table, int depth) {
  status st = STATUS_OK;
  for (size_t i = 0; st == STATUS_OK && i < table->item_count; i++)
    st = write_node(w, &table->items[i], depth);
  return st;
}

static status write_table(struct tree_writer *w, const struct node_table *table, int depth) {
  if (depth > WRITE_DEPTH_MAX) return STATUS_MALFORMED;
  status st = bytes_reserve(w->out, WRITER_VALUE_MAX + 2);
  if (st) return st;
  uint8_t *at = put_u8(w->out->data + w->out->len, TAG_TABLE);
  at = put_varint(put_u8(at, room_for(table->pair_count)), table->item_count);
  w->out->len = (size_t)(at - w->out->data);
  st = write_items(w, table, depth + 1);
  for (size_t i = 0; st == STATUS_OK && i < table->pair_count; i++) {
    st = write_node(w, &table->pairs[i].key, depth + 1);
    if (st == STATUS_OK) st = write_node(w, &table->pairs[i].item, depth + 1);
  }
  static const uint8_t end = TAG_END;
  return st || !table->pair_count ? st : bytes_append(w->out, &end, 1);
}

static status write_handle(struct tree_writer *w, const struct mm_val *node) {
  uint8_t handle[WIRE_HANDLE_SIZE];
  put_u64(put_u8(handle, node->type == NODE_ARRAY_HANDLE ? HANDLE_ARRAY : HANDLE_QUEUE), node->reference);
  const size_t index = w->handles.len / WIRE_HANDLE_SIZE;
  status st = bytes_append(&w->handles, handle, sizeof handle);
  if (st == STATUS_OK) st = bytes_reserve(w->out, WRITER_VALUE_MAX);
  if (st) return st;
  const uint8_t *end = put_varint(put_u8(w->out->data + w->out->len, TAG_HANDLE), index);
  w->out->len = (size_t)(end - w->out->data);
  return STATUS_OK;
}

static status write_scalar(struct tree_writer *w, const struct mm_val *node) {
  const status st = bytes_reserve(w->out, WRITER_VALUE_MAX);
  if (st) return st;
  uint8_t *at = w->out->data + w->out->len;
  switch (node->type) {
    case NODE_FALSE: at = put_u8(at, TAG_FALSE); break;
    case NODE_TRUE: at = put_u8(at, TAG_TRUE); break;
    case NODE_INTEGER: at = put_varint(put_u8(at, TAG_INTEGER), zigzag(node->integer)); break;
    case NODE_FLOAT: at = put_double(put_u8(at, TAG_FLOAT), node->number); break;
    default: at = put_u8(at, TAG_NIL); break;
  }
  w->out->len = (size_t)(at - w->out->data);
  return STATUS_OK;
}

static status write_node(struct tree_writer *w, const struct mm_val *node, int depth) {
  switch (node->type) {
    case NODE_STRING: return write_text(w, node->string.text, node->string.size);
    case NODE_TABLE: return write_table(w, node->table, depth);
    case NODE_ARRAY_HANDLE:
    case NODE_QUEUE_HANDLE: return write_handle(w, node);
    case NODE_OPAQUE:
    case NODE_LIST: return STATUS_MALFORMED;
    default: return write_scalar(w, node);
  }
}

static status write_list(struct tree_writer *w, const struct node_table *list) {
  status st = message_begin(w->out);
  if (st == STATUS_OK) st = bytes_reserve(w->out, WRITER_VARINT_MAX);
  if (st) return st;
  w->out->len = (size_t)(put_varint(w->out->data + w->out->len, list->item_count) - w->out->data);
  st = write_items(w, list, 0);
  return st ? st : message_finish(w->out, 0, 0, &w->handles);
}

status tree_write(const struct mm_val *list, struct bytes *out) {
  const struct tree *t = list->tree;
  if (t->message.len && list == &t->root) return bytes_append(out, t->message.data, t->message.len);
  struct node_table one = {.items = (struct mm_val *)(uintptr_t)list, .item_count = 1};
  struct tree_writer w = {.out = out};
  bytes_init(&w.handles);
  const status st = write_list(&w, list->type == NODE_LIST ? list->table : &one);
  bytes_fini(&w.handles);
  if (st) bytes_fini(out);
  return st;
}
