/* SPDX-License-Identifier: MIT */
/* manymoons.h: values, and shared arrays of numbers. */
#include "c/values/value.h"

#include <math.h>

#include "c/api/api.h"
#include "c/values/buffer.h"
#include "channel/message_refs.h"
#include "state/lua_compat.h"
#include "state/transfer.h"

/* The value itself, or the first value of a list. NULL: there is none. */
static const mm_val *one(const mm_val *v) {
  if (!v || v->type != NODE_LIST) return v;
  return v->table->item_count ? &v->table->items[0] : NULL;
}

/* ---- formats --------------------------------------------------------------------------------- */

mm_val *mm_pack(mm_rt *rt, const char *format, ...) {
  struct tree *t = NULL;
  if (!rt || !format) return (void)api_refuse_null("mm_pack", rt ? "format" : "rt"), NULL;
  va_list arguments;
  va_start(arguments, format);
  const status st = value_pack(format, &arguments, &t);
  va_end(arguments);
  return st ? NULL : &t->root;
}

int mm_unpack(const mm_val *value, const char *format, ...) {
  if (!value || !format) return api_refuse_null("mm_unpack", value ? "format" : "value");
  va_list arguments;
  va_start(arguments, format);
  const status st = value_unpack(value, format, &arguments);
  va_end(arguments);
  return st == STATUS_MALFORMED ? -MM_EINVAL : api_status("mm_unpack", st);
}

/* ---- looking --------------------------------------------------------------------------------- */

mm_type mm_typeof(const mm_val *value) {
  static const mm_type types[] = {
      [NODE_NIL] = MM_NIL,      [NODE_FALSE] = MM_BOOL,       [NODE_TRUE] = MM_BOOL,
      [NODE_INTEGER] = MM_INT,  [NODE_FLOAT] = MM_NUM,        [NODE_STRING] = MM_STR,
      [NODE_TABLE] = MM_TABLE,  [NODE_ARRAY_HANDLE] = MM_BUF, [NODE_QUEUE_HANDLE] = MM_QUEUE,
      [NODE_OPAQUE] = MM_OTHER,
  };
  const mm_val *v = one(value);
  return v ? types[v->type] : MM_NIL;
}

static size_t buffer_size(const mm_val *v) {
  struct object *object = NULL;
  if (segment_find(v->reference, OBJECT_TYPED_ARRAY, &object)) return 0;
  const struct array_view view = typed_array_view((struct typed_array *)(void *)object);
  return (size_t)(view.count * view.size);
}

size_t mm_len(const mm_val *value) {
  if (!value) return 0;
  switch (value->type) {
    case NODE_LIST:
    case NODE_TABLE: return value->table->item_count;
    case NODE_STRING: return value->string.size;
    case NODE_ARRAY_HANDLE: return buffer_size(value);
    default: return 0;
  }
}

static const struct node_table *table_of(const mm_val *v) {
  return v && v->type == NODE_TABLE ? v->table : NULL;
}

const mm_val *mm_at(const mm_val *value, size_t index) {
  const bool has_items = value && (value->type == NODE_LIST || value->type == NODE_TABLE);
  return has_items && index < value->table->item_count ? &value->table->items[index] : NULL;
}

const mm_val *mm_get(const mm_val *value, const char *key) {
  const struct node_table *table = table_of(one(value));
  return table && key ? tree_field(table, key, strlen(key)) : NULL;
}

bool mm_pair(const mm_val *value, size_t index, const mm_val **key, const mm_val **item) {
  const struct node_table *table = table_of(one(value));
  if (!table || index >= table->pair_count) return false;
  if (key) *key = &table->pairs[index].key;
  if (item) *item = &table->pairs[index].item;
  return true;
}

bool mm_bool(const mm_val *value) {
  const mm_val *v = one(value);
  return v && v->type != NODE_NIL && v->type != NODE_FALSE;
}

int64_t mm_int(const mm_val *value) {
  int64_t out = 0;
  return value_integer(one(value), &out) ? out : 0;
}

double mm_num(const mm_val *value) {
  const mm_val *v = one(value);
  if (!v) return 0;
  if (v->type == NODE_FLOAT) return v->number;
  return v->type == NODE_INTEGER ? (double)v->integer : 0;
}

const char *mm_str(const mm_val *value, size_t *length) {
  const mm_val *v = one(value);
  const bool is_text = v && v->type == NODE_STRING;
  if (length) *length = is_text ? v->string.size : 0;
  return is_text ? v->string.text : "";
}

mm_val *mm_val_keep(const mm_val *value) {
  if (!value) return NULL;
  tree_keep(value->tree);
  return (mm_val *)(uintptr_t)value;
}

void mm_val_free(mm_val *value) {
  if (value) value_release(value->tree);
}

/* ---- in a VM --------------------------------------------------------------------------------- */

/* __gc of the userdata that owns the message during decoding, which may raise. */
static int free_text(lua_State *L) {
  struct bytes *text = lua_touserdata(L, 1);
  value_discard_message(text);
  bytes_init(text);
  return 0;
}

static struct bytes *push_text(lua_State *L) {
  struct bytes *text = lua_newuserdata(L, sizeof *text);
  bytes_init(text);
  lua_newtable(L);
  lua_pushcfunction(L, free_text);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return text;
}

int mm_push(lua_State *L, const mm_val *value) {
  luaL_checkstack(L, 8, "too many values");
  if (!value) {
    lua_pushnil(L);
    return 1;
  }
  struct bytes *text = push_text(L);
  const int place = lua_gettop(L);
  if (value_to_message(value, text))
    return luaL_error(L, "mm_push: a value that cannot be copied alone, or not enough memory");
  const int count = transfer_decode(L, text->data, text->len);
  value_discard_message(text);
  bytes_init(text);
  lua_remove(L, place);
  return count;
}

mm_val *mm_take(lua_State *L, int index, int count) {
  struct bytes *text = NULL;
  struct tree *t = NULL;
  luaL_checkstack(L, count + 4, "too many values");
  transfer_open(L);
  if (transfer_try_encode(L, index, count, "value", &text)) return NULL;
  struct bytes message = *text; /* taken over (state/transfer.h) */
  bytes_init(text);
  if (value_from_message(&message, &t) == STATUS_OK) return &t->root;
  value_discard_message(&message);
  lua_pushliteral(L, "not enough memory");
  return NULL;
}

/* ---- shared arrays of numbers ---------------------------------------------------------------- */

int mm_buf_create(mm_rt *rt, mm_buf **out, const char *type, size_t count) {
  const struct array_element_type *element = type ? element_type_called(type) : NULL;
  if (!rt || !out || !type) return api_refuse_null("mm_buf_create", !rt ? "rt" : out ? "type" : "out");
  if (!element || strcmp(element->name, type) != 0)
    return api_refuse(
        MM_EINVAL, "mm_buf_create: type: one of i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 expected, got '%.20s'",
        type);
  if (count == 0) return api_refuse(MM_EINVAL, "mm_buf_create: count is 0");
  return api_status("mm_buf_create", buffer_make(element, count, out));
}

void *mm_buf_data(mm_buf *buf, size_t *bytes) {
  if (!buf) return NULL;
  if (bytes) *bytes = (size_t)(buf->view.count * buf->view.size);
  return buf->view.data;
}

const char *mm_buf_type(const mm_buf *buf) { return buf ? buf->view.type->name : ""; }

void mm_buf_free(mm_buf *buf) {
  if (buf) buffer_close(buf);
}
