/* SPDX-License-Identifier: MIT */
/* Formats: one letter for each value, {…} for a table. Values are written to scratch bytes first,
 * because their number, which precedes them, is known only at the end of the format. A format that
 * fails leaves a text that names the letter (last_error.h). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "c/values/buffer.h"
#include "c/values/last_error.h"
#include "c/values/queue.h"
#include "c/values/value.h"
#include "channel/message_refs.h"

enum { DEPTH_MAX = 50 };

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }
static bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_spaces(const char **at) {
  while (is_space(**at)) ++*at;
}

/* Skips a field's name and '=' at the cursor. False: there is none. */
static bool take_name(const char **at, const char **name, size_t *size) {
  const char *end = *at;
  while (is_name_letter(*end)) end++;
  if (end == *at || *end != '=') return false;
  *name = *at;
  *size = (size_t)(end - *at);
  *at = end + 1;
  skip_spaces(at);
  return true;
}

/* Says which letter is wrong; `at` points to it. */
static status refuse(const char *function, const char *format, const char *at, const char *expected) {
  last_error_set("%s: format \"%.80s\", letter %d: %s", function, format, (int)(at - format) + 1, expected);
  return STATUS_MALFORMED;
}

/* ---- packing --------------------------------------------------------------------------------- */

struct packer {
  const char *format;
  const char *at;
  va_list *arguments;
  struct tree *tree;
};

static status pack_table(struct packer *p, char end, struct node_table *out, int depth);

/* The letter before the cursor is wrong. */
static status refuse_to_pack(const struct packer *p, const char *expected) {
  return refuse("mm_pack", p->format, p->at - 1, expected);
}

static status pack_text(struct packer *p, struct mm_val *out, bool has_size) {
  const char *text = va_arg(*p->arguments, const char *);
  const size_t size = has_size ? va_arg(*p->arguments, size_t) : text ? strlen(text) : 0;
  if (!text && size) return refuse_to_pack(p, "a string expected for 'S', got NULL");
  if (!text && !has_size) return STATUS_OK; /* nil */
  return tree_set_string(p->tree, out, text, size);
}

static status pack_buffer(struct packer *p, struct mm_val *out) {
  const struct mm_buf *buffer = va_arg(*p->arguments, struct mm_buf *);
  if (!buffer) return refuse_to_pack(p, "an array expected for 'B', got NULL");
  out->type = NODE_ARRAY_HANDLE;
  out->reference = segment_object_ref(&buffer->memory->object);
  return STATUS_OK;
}

static status pack_queue(struct packer *p, struct mm_val *out) {
  const struct mm_queue *queue = va_arg(*p->arguments, struct mm_queue *);
  if (!queue) return refuse_to_pack(p, "a queue expected for 'Q', got NULL");
  out->type = NODE_QUEUE_HANDLE;
  out->reference = segment_object_ref(&queue->ring->object);
  return STATUS_OK;
}

/* Refers to a node of another tree, which the caller keeps until this one is written. */
static status pack_value(struct packer *p, struct mm_val *out) {
  const struct mm_val *value = va_arg(*p->arguments, const struct mm_val *);
  if (value && value->type == NODE_LIST) value = value->table->item_count ? &value->table->items[0] : NULL;
  if (value) *out = *value;
  return STATUS_OK;
}

static status pack_inner_table(struct packer *p, struct mm_val *out, int depth) {
  if (depth == DEPTH_MAX) return refuse_to_pack(p, "too many tables in one another");
  out->type = NODE_TABLE;
  out->table = tree_allocate(p->tree, sizeof *out->table);
  return out->table ? pack_table(p, '}', out->table, depth + 1) : -ENOMEM;
}

static status refuse_letter(struct packer *p, char letter) {
  if (letter) return refuse_to_pack(p, "one of i n b z s S B Q v { expected");
  return refuse("mm_pack", p->format, p->at, "'}' expected");
}

static status pack_node(struct packer *p, struct mm_val *out, int depth) {
  *out = (struct mm_val){.tree = p->tree, .type = NODE_NIL};
  const char letter = *p->at;
  if (letter) p->at++;
  switch (letter) {
    case 'z': return STATUS_OK;
    case 'i':
      out->type = NODE_INTEGER;
      out->integer = va_arg(*p->arguments, int64_t);
      return STATUS_OK;
    case 'n':
      out->type = NODE_FLOAT;
      out->number = va_arg(*p->arguments, double);
      return STATUS_OK;
    case 'b': out->type = va_arg(*p->arguments, int) ? NODE_TRUE : NODE_FALSE; return STATUS_OK;
    case 's': return pack_text(p, out, false);
    case 'S': return pack_text(p, out, true);
    case 'B': return pack_buffer(p, out);
    case 'Q': return pack_queue(p, out);
    case 'v': return pack_value(p, out);
    case '{': return pack_inner_table(p, out, depth);
    default: return refuse_letter(p, letter);
  }
}

static status copy_into_tree(struct tree *t, const struct bytes *from, void *place) {
  void *copy = from->len ? tree_allocate(t, from->len) : NULL;
  if (from->len && !copy) return -ENOMEM;
  if (copy) memcpy(copy, from->data, from->len);
  memcpy(place, &copy, sizeof copy);
  return STATUS_OK;
}

static status pack_one(struct packer *p, struct bytes *items, struct bytes *pairs, char end, int depth) {
  const char *name = NULL;
  size_t size = 0;
  if (end != '}' || !take_name(&p->at, &name, &size)) {
    struct mm_val item;
    const status st = pack_node(p, &item, depth);
    return st ? st : bytes_append(items, &item, sizeof item);
  }
  struct node_pair pair;
  status st = tree_set_string(p->tree, &pair.key, name, size);
  if (st == STATUS_OK) st = pack_node(p, &pair.item, depth);
  if (st == STATUS_OK && pair.item.type != NODE_NIL) st = bytes_append(pairs, &pair, sizeof pair);
  return st;
}

static status pack_table(struct packer *p, char end, struct node_table *out, int depth) {
  struct bytes items, pairs;
  status st = STATUS_OK;
  bytes_init(&items);
  bytes_init(&pairs);
  for (skip_spaces(&p->at); st == STATUS_OK && *p->at != end; skip_spaces(&p->at))
    st = pack_one(p, &items, &pairs, end, depth);
  *out = (struct node_table){.item_count = items.len / sizeof(struct mm_val),
                             .pair_count = pairs.len / sizeof(struct node_pair)};
  if (st == STATUS_OK) st = copy_into_tree(p->tree, &items, &out->items);
  if (st == STATUS_OK) st = copy_into_tree(p->tree, &pairs, &out->pairs);
  if (st == STATUS_OK) tree_order_pairs(out);
  if (st == STATUS_OK && end) p->at++;
  bytes_fini(&items);
  bytes_fini(&pairs);
  return st;
}

/* The packed nodes are encoded and decoded again, which copies the nodes of other trees. */
status value_pack(const char *format, va_list *arguments, struct tree **out) {
  struct packer p = {.format = format, .at = format, .arguments = arguments};
  struct bytes message;
  bytes_init(&message);
  status st = tree_make(&p.tree);
  if (st) return st;
  p.tree->root.table = tree_allocate(p.tree, sizeof *p.tree->root.table);
  st = p.tree->root.table ? pack_table(&p, '\0', p.tree->root.table, 0) : -ENOMEM;
  const bool is_packed = st == STATUS_OK;
  if (is_packed) st = value_to_message(&p.tree->root, &message);
  tree_free(p.tree);
  if (st == -ENOMEM) last_error_set("mm_pack: not enough memory");
  if (st == STATUS_MALFORMED && is_packed)
    last_error_set("mm_pack: format \"%.80s\": a 'v' has a value for Lua alone (MM_OTHER)", format);
  if (st) return st;
  st = value_from_message(&message, out);
  if (st) value_discard_message(&message);
  return st;
}

/* ---- unpacking ------------------------------------------------------------------------------- */

/* Unpacking reads the format twice: first to check all types, then to write. */
struct unpacker {
  const char *format;
  const char *at;
  va_list arguments;
  bool writes;
};

static status unpack_table(struct unpacker *u, char end, const struct mm_val *table, int depth);

static bool is_nil(const struct mm_val *v) { return !v || v->type == NODE_NIL; }

bool value_integer(const struct mm_val *v, int64_t *out) {
  const bool is_whole = !is_nil(v) && v->type == NODE_FLOAT && floor(v->number) == v->number &&
                        v->number >= -9223372036854775808.0 && v->number < 9223372036854775808.0;
  if (is_nil(v) || (v->type != NODE_INTEGER && !is_whole)) return false;
  *out = is_whole ? (int64_t)v->number : v->integer;
  return true;
}

static const char *type_name(const struct mm_val *v) {
  static const char *const names[] = {
      [NODE_NIL] = "nil",
      [NODE_FALSE] = "boolean",
      [NODE_TRUE] = "boolean",
      [NODE_INTEGER] = "number",
      [NODE_FLOAT] = "number",
      [NODE_STRING] = "string",
      [NODE_TABLE] = "table",
      [NODE_ARRAY_HANDLE] = "array",
      [NODE_QUEUE_HANDLE] = "queue",
      [NODE_LIST] = "list",
      [NODE_OPAQUE] = "a value for Lua alone",
  };
  return v ? names[v->type] : "nothing";
}

/* The letter before the cursor does not suit the value. */
static status refuse_to_unpack(const struct unpacker *u, const struct mm_val *v, const char *expected) {
  char text[80];
  const bool is_fraction = v && v->type == NODE_FLOAT;
  snprintf(text, sizeof text, "%s expected, got %s", expected,
           is_fraction ? "a number with a fraction" : type_name(v));
  return refuse("mm_unpack", u->format, u->at - 1, text);
}

static status unpack_integer(struct unpacker *u, const struct mm_val *v, int64_t *out) {
  int64_t value = 0;
  if (!value_integer(v, &value)) return refuse_to_unpack(u, v, "an integer");
  if (u->writes) *out = value;
  return STATUS_OK;
}

static status unpack_number(struct unpacker *u, const struct mm_val *v, double *out) {
  if (is_nil(v) || (v->type != NODE_INTEGER && v->type != NODE_FLOAT))
    return refuse_to_unpack(u, v, "a number");
  if (u->writes) *out = v->type == NODE_FLOAT ? v->number : (double)v->integer;
  return STATUS_OK;
}

static status unpack_boolean(struct unpacker *u, const struct mm_val *v, bool *out) {
  if (is_nil(v) || (v->type != NODE_TRUE && v->type != NODE_FALSE))
    return refuse_to_unpack(u, v, "a boolean");
  if (u->writes) *out = v->type == NODE_TRUE;
  return STATUS_OK;
}

static status unpack_text(struct unpacker *u, const struct mm_val *v, const char **out, size_t *size) {
  if (is_nil(v) || v->type != NODE_STRING) return refuse_to_unpack(u, v, "a string");
  if (!u->writes) return STATUS_OK;
  *out = v->string.text;
  if (size) *size = v->string.size;
  return STATUS_OK;
}

/* Fails only without memory; arrays and queues that were opened before are then lost to the caller. */
static status unpack_buffer(struct unpacker *u, const struct mm_val *v, struct mm_buf **out) {
  if (is_nil(v) || v->type != NODE_ARRAY_HANDLE) return refuse_to_unpack(u, v, "an array");
  return u->writes ? buffer_open(v->reference, out) : STATUS_OK;
}

static status unpack_queue(struct unpacker *u, const struct mm_val *v, struct mm_queue **out) {
  if (is_nil(v) || v->type != NODE_QUEUE_HANDLE) return refuse_to_unpack(u, v, "a queue");
  return u->writes ? queue_open_reference(v->reference, out) : STATUS_OK;
}

/* Reads the letter's pointers even if they are not used. An optional nil writes nothing. */
static status unpack_letter(struct unpacker *u, char letter, const struct mm_val *v, bool is_optional) {
  void *place = letter == 'z' ? NULL : va_arg(u->arguments, void *);
  size_t *size = letter == 'S' ? va_arg(u->arguments, size_t *) : NULL;
  if (is_optional && is_nil(v) && letter != 'v') return STATUS_OK;
  switch (letter) {
    case 'z': return STATUS_OK;
    case 'i': return unpack_integer(u, v, place);
    case 'n': return unpack_number(u, v, place);
    case 'b': return unpack_boolean(u, v, place);
    case 's': return unpack_text(u, v, place, NULL);
    case 'S': return unpack_text(u, v, place, size);
    case 'B': return unpack_buffer(u, v, place);
    case 'Q': return unpack_queue(u, v, place);
    default:
      if (u->writes) *(const struct mm_val **)place = is_nil(v) ? NULL : v;
      return STATUS_OK;
  }
}

static status unpack_node(struct unpacker *u, const struct mm_val *v, int depth) {
  const bool is_optional = *u->at == '?';
  if (is_optional) u->at++;
  const char letter = *u->at;
  if (letter == '\0') return refuse("mm_unpack", u->format, u->at, "'}' or a letter expected");
  u->at++;
  if (!strchr("{zinbsSBQv", letter))
    return refuse("mm_unpack", u->format, u->at - 1, "one of i n b z s S B Q v { expected");
  if (letter == '{') {
    const bool is_table = !is_nil(v) && v->type == NODE_TABLE;
    if (!is_table) return refuse_to_unpack(u, v, "a table");
    if (depth == DEPTH_MAX)
      return refuse("mm_unpack", u->format, u->at - 1, "too many tables in one another");
    return unpack_table(u, '}', v, depth + 1);
  }
  return unpack_letter(u, letter, v, is_optional);
}

static status unpack_table(struct unpacker *u, char end, const struct mm_val *v, int depth) {
  const struct node_table *table = v->table;
  size_t next = 0;
  status st = STATUS_OK;
  for (skip_spaces(&u->at); st == STATUS_OK && *u->at != end; skip_spaces(&u->at)) {
    const char *name = NULL;
    size_t size = 0;
    if (end == '}' && take_name(&u->at, &name, &size)) {
      st = unpack_node(u, tree_field(table, name, size), depth);
    } else {
      st = unpack_node(u, next < table->item_count ? &table->items[next] : NULL, depth);
      next++;
    }
  }
  if (st == STATUS_OK && end) u->at++;
  return st;
}

static status unpack(const struct mm_val *value, const char *format, va_list *arguments, bool writes) {
  struct node_table one = {.items = (struct mm_val *)(uintptr_t)value, .item_count = 1};
  const struct mm_val list = {.tree = value->tree, .type = NODE_LIST, .table = &one};
  struct unpacker u = {.format = format, .at = format, .writes = writes};
  va_copy(u.arguments, *arguments);
  const status st = unpack_table(&u, '\0', value->type == NODE_LIST ? value : &list, 0);
  va_end(u.arguments);
  return st;
}

status value_unpack(const struct mm_val *value, const char *format, va_list *arguments) {
  const status st = unpack(value, format, arguments, false);
  return st ? st : unpack(value, format, arguments, true);
}
