/* SPDX-License-Identifier: MIT */
/* The list of classes is a Lua table: n -> class, class -> n. A body that holds handles is not kept, because
 * each message has holds of its own: it is at -2n in the list, and the place of its first handle at -2n - 1. */
#include "state/encode_class.h"

#include "state/classes.h"
#include "state/encode_sets.h"
#include "state/globals.h"
#include "state/names.h"
#include "state/private_names.h"
#include "state/vm_struct.h"
#include "wire/message.h"
#include "wire/writer.h"

enum {
  NESTING_MAX = 8,   /* bodies within bodies */
  ENTRIES_MAX = 255, /* of one object in registries */
};

static struct encoder *root_of(struct encoder *e) { return e->root ? e->root : e; }

static void make_table_at(lua_State *L, int index) {
  if (!lua_isnil(L, index)) return;
  lua_newtable(L);
  lua_replace(L, index);
}

/* Pushes the field of a record; the empty string if it is nil. */
static const char *push_text(lua_State *L, int record, enum class_field field, size_t *size) {
  lua_rawgeti(L, record, field);
  const char *text = lua_tolstring(L, -1, size);
  if (text) return text;
  *size = 0;
  return "";
}

static uint64_t number_in(lua_State *L, int table, int index) {
  lua_rawgeti(L, table, index);
  const uint64_t number = (uint64_t)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return number;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

enum { BODY_SCRATCH = 1, BODY_WORK, BODY_IMPORTS }; /* behind the top of the stack */

/* Whether the value at an index is an object: as a key of a registry its entry travels with it. */
static bool is_object(lua_State *L, int index) {
  const int type = lua_type(L, index);
  return type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN;
}

/* The index of what the body of a class has: the class itself; of a registry a copy without the entries of objects,
 * on top of the stack. [-0, +0|1, memory] */
static int push_content(lua_State *L, int class, int record) {
  if (!class_is_registry(L, record)) return class;
  lua_newtable(L);
  const int content = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, class)) {
    if (is_object(L, content + 1)) {
      lua_pop(L, 1);
      continue;
    }
    lua_pushvalue(L, content + 1);
    lua_insert(L, -2);
    lua_rawset(L, content);
  }
  if (lua_getmetatable(L, class)) lua_setmetatable(L, content);
  return content;
}

/* Encodes the body into the scratch, and leaves its imports on the stack. */
static struct encoder write_body(struct encoder *root, int class, int record, const struct path_step *at) {
  const int base = lua_gettop(root->L);
  lua_State *L = root->L;
  struct scratch *s = scratch_idle(L);
  const size_t handles = root->handles->len;
  const struct path_step here = {.up = at, .kind = PATH_CLASS};
  struct encoder e;
  do {
    scratch_clear(s);
    scratch_drop_handles(root->s, handles);
    lua_settop(L, base + BODY_SCRATCH);
    lua_settop(L, base + BODY_IMPORTS);
    e = class_encoder_make(L, s, root->mode, base + BODY_WORK);
    e.root = root;
    e.handles = root->handles;
    e.handles_start = handles;
    must_succeed(&e, message_begin(&s->out));
    encoder_wrote(&e, put_varint(encoder_room(&e, WRITER_VALUE_MAX), 1));
    encode_table_as_data(&e, push_content(L, class, record), &here);
    encode_deferred(&e, "class");
  } while (e.must_repeat);
  const struct bytes none = {0};
  must_succeed(&e, message_finish(&s->out, e.flags, s->keys.repeated, &none));
  return e;
}

/* Encodes the body of the n-th class, and keeps it. */
static void encode_body(struct encoder *root, int class, int record, int n, const struct path_step *at) {
  lua_State *L = root->L;
  const int base = lua_gettop(L);
  luaL_checkstack(L, 24, "no room for a class");
  if (!class_is_registry(L, record)) {
    class_push_mark(L, class);
    lua_rawseti(L, record, CLASS_MARK);
  }
  root->nesting++;
  const struct encoder e = write_body(root, class, record, at);
  root->nesting--;
  lua_pushvalue(L, base + BODY_IMPORTS);
  lua_rawseti(L, record, CLASS_IMPORTS);
  lua_pushlstring(L, (const char *)e.s->out.data, e.s->out.len);
  if (root->handles->len == e.handles_start) {
    lua_rawseti(L, record, CLASS_BODY);
  } else {
    root->may_keep = false;
    lua_rawseti(L, root->classes, -2 * n);
    const size_t first_handle = e.handles_start / WIRE_HANDLE_SIZE;
    lua_pushnumber(L, (lua_Number)first_handle);
    lua_rawseti(L, root->classes, -2 * n - 1);
  }
  lua_settop(L, base);
}

/* Whether the n-th class has its body, be it kept or of this message. */
static bool has_body(struct encoder *root, int record, int n) {
  lua_State *L = root->L;
  lua_rawgeti(L, root->classes, -2 * n);
  lua_rawgeti(L, record, CLASS_BODY);
  const bool has = !lua_isnil(L, -1) || !lua_isnil(L, -2);
  lua_pop(L, 2);
  return has;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* The place of the class in the list; 0: it is not there. */
static int place_of(struct encoder *root, int class) {
  lua_State *L = root->L;
  if (lua_isnil(L, root->classes)) return 0;
  lua_pushvalue(L, class);
  lua_rawget(L, root->classes);
  const int n = (int)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return n;
}

static int list_add(struct encoder *root, int class) {
  lua_State *L = root->L;
  const int n = ++root->class_count;
  make_table_at(L, root->classes);
  lua_pushvalue(L, class);
  lua_pushnumber(L, n);
  lua_rawset(L, root->classes);
  lua_pushvalue(L, class);
  lua_rawseti(L, root->classes, n);
  return n;
}

/* Takes the kept closure of the class as the list, if that is as it was. */
static bool list_closure(struct encoder *root, int record) {
  lua_State *L = root->L;
  if (!class_closure_is_valid(L, record)) return false;
  lua_rawgeti(L, record, CLASS_CLOSURE);
  lua_replace(L, root->classes);
  root->class_count = root->class_done = (int)number_in(L, record, CLASS_COUNT);
  return root->has_closure = true;
}

/* Makes a list of the closure, which can be added to. */
static void leave_closure(struct encoder *root) {
  lua_State *L = root->L;
  const int count = root->class_count;
  root->has_closure = false;
  lua_pushvalue(L, root->classes);
  const int closure = lua_gettop(L);
  lua_pushnil(L);
  lua_replace(L, root->classes);
  root->class_count = 0;
  for (int n = 1; n <= count; n++) {
    lua_rawgeti(L, closure, n);
    (void)list_add(root, closure + 1);
    lua_settop(L, closure);
  }
  lua_settop(L, closure - 1);
}

static void complete_class(struct encoder *root, int n, const struct path_step *at);

static void complete_list(struct encoder *root, const struct path_step *at) {
  const bool was_completing = root->is_completing;
  root->is_completing = true;
  while (root->class_done < root->class_count) complete_class(root, ++root->class_done, at);
  root->is_completing = was_completing;
}

/* Puts the class on the list. Its body follows at once if that is not too deep; if it is the first one and has a
 * body, all that others import do, so that the closure is known. */
static void list_class(struct encoder *e, int class, int record, const struct path_step *at) {
  struct encoder *root = root_of(e);
  if (place_of(root, class)) return;
  const bool is_first = root->class_count == 0;
  if (is_first && list_closure(root, record)) return;
  if (root->has_closure) leave_closure(root);
  const int n = list_add(root, class);
  class_review(root->L, class, record);
  const bool was_known = has_body(root, record, n);
  if (!root->is_completing) root->may_keep = is_first && was_known;
  if (root->may_keep && is_first) complete_list(root, at);
  if (root->nesting < NESTING_MAX && !was_known) encode_body(root, class, record, n, at);
}

/* Lists the classes that the body of a record imports. False: one is gone, because the class has changed. */
static bool list_imports(struct encoder *root, int record, const struct path_step *at) {
  lua_State *L = root->L;
  const int top = lua_gettop(L);
  luaL_checkstack(L, 8, "no room for a class");
  bool are_there = true;
  lua_rawgeti(L, record, CLASS_IMPORTS);
  lua_pushnil(L);
  while (are_there && lua_istable(L, top + 1) && lua_next(L, top + 1)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    class_find(L);
    are_there = !lua_isnil(L, -1);
    if (are_there) {
      class_push_record(L, top + 3);
      list_class(root, top + 3, top + 4, at);
    }
    lua_settop(L, top + 2);
  }
  lua_settop(L, top);
  return are_there;
}

static void complete_class(struct encoder *root, int n, const struct path_step *at) {
  lua_State *L = root->L;
  const int top = lua_gettop(L);
  luaL_checkstack(L, 8, "no room for a class");
  lua_rawgeti(L, root->classes, n);
  class_push_record(L, top + 1);
  if (!has_body(root, top + 2, n)) encode_body(root, top + 1, top + 2, n, at);
  if (!list_imports(root, top + 2, at)) {
    encode_body(root, top + 1, top + 2, n, at);
    (void)list_imports(root, top + 2, at);
  }
  lua_settop(L, top);
}

static void find_registries(struct encoder *e);

void encode_classes_complete(struct encoder *e, const char *root) {
  const struct path_step top = {.kind = PATH_ROOT, .name = root};
  const struct path_step far = {.up = &top, .kind = PATH_FAR};
  complete_list(e, &far);
  if (e->vm->has_registries) find_registries(e);
}

/* ---- writing the list ------------------------------------------------------------------------ */

static void append_text(struct encoder *e, const char *text, size_t size) {
  uint8_t *at = encoder_room(e, size);
  memcpy(at, text, size);
  encoder_wrote(e, at + size);
}

/* Appends the body that the n-th class has in this message, or the one that is kept. */
static void append_body(struct encoder *e, int record, int n) {
  lua_State *L = e->L;
  size_t size = 0;
  const uint64_t first_handle = number_in(L, e->classes, -2 * n - 1);
  lua_rawgeti(L, e->classes, -2 * n);
  const char *body = lua_tolstring(L, -1, &size);
  if (!body) body = push_text(L, record, CLASS_BODY, &size);
  if (size > UINT32_MAX) luaL_error(L, "a class is larger than 4 GiB");
  struct message m;
  if (message_parse(body, size, &m) == STATUS_OK) e->flags |= m.flags;
  uint8_t *at = put_varint(encoder_room(e, WRITER_VALUE_MAX + 4), first_handle);
  encoder_wrote(e, put_u32(at, (uint32_t)size));
  append_text(e, body, size);
}

static void append_class(struct encoder *e, int n) {
  lua_State *L = e->L;
  const int top = lua_gettop(L);
  size_t size = 0;
  luaL_checkstack(L, 8, "no room for a class");
  lua_rawgeti(L, e->classes, n);
  class_push_record(L, top + 1);
  const char *id = push_text(L, top + 2, CLASS_ID, &size);
  append_text(e, id, size);
  const uint64_t version = number_in(L, top + 2, CLASS_VERSION);
  if (version) e->flags |= FLAG_CLASSES_CHANGED;
  encoder_wrote(e, put_varint(encoder_room(e, WRITER_VALUE_MAX), version));
  const char *hint = push_text(L, top + 2, CLASS_HINT, &size);
  encode_sized(e, hint, size);
  append_body(e, top + 2, n);
  lua_settop(L, top);
}

/* Appends the bytes that are kept with the first class of the list. */
static void append_closure(struct encoder *e) {
  lua_State *L = e->L;
  const int top = lua_gettop(L);
  size_t size = 0;
  luaL_checkstack(L, 8, "no room for a class");
  lua_rawgeti(L, e->classes, 1);
  class_push_record(L, top + 1);
  e->flags |= (unsigned)number_in(L, top + 2, CLASS_FLAGS);
  const char *section = push_text(L, top + 2, CLASS_SECTION, &size);
  append_text(e, section, size);
  lua_settop(L, top);
}

/* Keeps the bytes from `first` on with the first class of the list. */
static void keep_closure(struct encoder *e, uint32_t first, unsigned flags) {
  lua_State *L = e->L;
  const int top = lua_gettop(L);
  luaL_checkstack(L, 8, "no room for a class");
  lua_rawgeti(L, e->classes, 1);
  class_push_record(L, top + 1);
  class_keep_closure(L, top + 2, e->classes, e->class_count);
  lua_pushlstring(L, (const char *)e->s->out.data + first, e->s->out.len - first);
  lua_rawseti(L, top + 2, CLASS_SECTION);
  lua_pushnumber(L, flags);
  lua_rawseti(L, top + 2, CLASS_FLAGS);
  lua_settop(L, top);
}

static void append_classes(struct encoder *e, uint32_t first) {
  const unsigned flags = e->flags;
  e->flags = 0;
  for (int n = 1; n <= e->class_count; n++) append_class(e, n);
  if (e->may_keep) keep_closure(e, first, e->flags);
  e->flags |= flags;
}

void encode_classes(struct encoder *e) {
  if (e->class_count == 0) return;
  const uint32_t first = encoder_offset(e);
  if (e->has_closure)
    append_closure(e);
  else
    append_classes(e, first);
  e->flags |= FLAG_CLASSES;
  encoder_wrote(e, put_u32(encoder_room(e, 4), first));
}

/* ---- naming a class -------------------------------------------------------------------------- */

static void encode_id(struct encoder *e, int record) {
  size_t size = 0;
  const char *id = push_text(e->L, record, CLASS_ID, &size);
  encoder_wrote(e, put_u8(encoder_room(e, 1), TAG_CLASS));
  append_text(e, id, size);
  if (e->root) {
    lua_pushboolean(e->L, 1);
    make_table_at(e->L, e->classes);
    lua_rawset(e->L, e->classes);
    return;
  }
  lua_pop(e->L, 1);
}

/* Whether the class of a module, whose name and path are on top of the stack, is sent by that name. An image
 * has what a module is by value if it has the module by value. */
static bool goes_by_path(struct encoder *e) {
  return e->mode != ENCODE_IMAGE || !encode_set_has_module(e->L, ENCODE_CARRIED, -2);
}

/* Writes a class without an id by its name, if it has one by now. Else gives it an id. */
static bool encode_by_name(struct encoder *e, int class, int record) {
  lua_State *L = e->L;
  if (e->mode != ENCODE_IMAGE) globals_load_classes(L); /* one that came as a value may be registered */
  if (names_find_registered(L, class)) {
    encode_registered(e);
    return true;
  }
  if (class_find_path(L, class, record)) {
    if (goes_by_path(e)) {
      encode_found_name(e);
      return true;
    }
    lua_pop(L, 2);
  }
  class_give_id(L, class, record);
  return false;
}

/* Pushes the private name of the class, or "". What a module is by value has its classes by value. */
static const char *push_private_name(struct encoder *e, int record, size_t *size) {
  lua_State *L = e->L;
  const char *name = push_text(L, record, CLASS_HINT, size);
  if (!private_name_is_one(name, *size)) {
    *size = 0;
    return "";
  }
  lua_pushstring(L, name); /* of the module alone */
  if (encode_set_has_module(L, ENCODE_CARRIED, -1)) *size = 0;
  lua_pop(L, 1);
  return name;
}

/* Writes the class behind its id, as all that an image has by value. */
static void encode_in_image(struct encoder *e, int class, int record) {
  size_t size = 0;
  class_review(e->L, class, record);
  encoder_wrote(e, put_varint(encoder_room(e, WRITER_VALUE_MAX), number_in(e->L, record, CLASS_VERSION)));
  const char *name = push_private_name(e, record, &size);
  encode_sized(e, name, size);
  e->needs_modules |= size > 0;
  lua_pop(e->L, 1);
  encoder_wrote(e, put_u8(encoder_room(e, 1), TAG_TABLE_DEFERRED));
  encode_stub(e, class);
}

/* Writes the class at `index`, which is entered in the map, by a name or by its id. [-0, +0, raises] */
static void encode_class(struct encoder *e, int index, const struct path_step *at) {
  lua_State *L = e->L;
  const int record = lua_gettop(L) + 1;
  class_push_record(L, index);
  lua_rawgeti(L, record, CLASS_ID);
  const bool has_id = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (has_id || !encode_by_name(e, index, record)) {
    encode_id(e, record);
    if (e->mode == ENCODE_IMAGE)
      encode_in_image(e, index, record);
    else
      list_class(e, index, record, at);
  }
  lua_settop(L, record - 1);
}

/* ---- which tables are classes ---------------------------------------------------------------- */

/* Whether an image has the class by value, without an id, because it is registered. */
static bool is_registered(struct encoder *e, int index) {
  if (e->mode != ENCODE_IMAGE || !names_find_registered(e->L, index)) return false;
  lua_pop(e->L, 1);
  return true;
}

/* A table with weak keys is a registry where a class, or a global, leads to it, and data elsewhere. */
static bool note_registry(struct encoder *e, int index) {
  if (!e->root && e->mode != ENCODE_IMAGE) return false;
  class_push_record(e->L, index);
  class_be_registry(e->L, lua_gettop(e->L));
  lua_pop(e->L, 1);
  return true;
}

/* In an image, and beyond the greatest depth, the fields are written later: encode_class_see_field would be too
 * late. */
static bool is_class(struct encoder *e, int index, int depth) {
  if (e->kind == METATABLE_WEAK) return note_registry(e, index);
  if (e->vm->has_classes && class_is_known(e->L, index)) return !is_registered(e, index);
  if (e->kind == METATABLE_CALLABLE && class_looks_like_one(e->L, index)) return !is_registered(e, index);
  const bool looks_first = depth >= e->depth_max || root_of(e)->is_careful;
  return looks_first && class_has_metamethods(e->L, index) && !is_registered(e, index);
}

static bool encode_class_if_class(struct encoder *e, int index, const struct path_step *at, int depth) {
  const bool is_one = is_class(e, index, depth);
  if (is_one) encode_class(e, index, at);
  return is_one;
}

/* The field at stack index `key` of the table at `index`, which begins with "_", was written as data. */
static void encode_class_see_field(struct encoder *e, int index, int key) {
  if (!class_is_metamethod(e->L, key)) return;
  if (class_note(e->L, index)) e->must_repeat = true;
}

/* A reference to the table at `index` was written as a metatable. */
static void encode_class_see_metatable(struct encoder *e, int index) {
  if (e->mode != ENCODE_IMAGE && class_note(e->L, index)) e->must_repeat = true;
}

/* ---- entries of registries ------------------------------------------------------------------- */

/* Pushes the list of the registries of the table's class, or of the table if it is a class itself. False, and
 * nothing pushed: there are none. */
static bool push_registries(lua_State *L, int index) {
  const int top = lua_gettop(L);
  if (class_is_known(L, index))
    class_push_record(L, index);
  else if (lua_getmetatable(L, index) && class_is_known(L, top + 1))
    class_push_record(L, top + 1);
  else
    lua_pushnil(L);
  if (lua_istable(L, -1)) lua_rawgeti(L, -1, CLASS_REGISTRIES);
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    const bool has_some = lua_istable(L, -1);
    lua_pop(L, 1);
    lua_replace(L, top + 1);
    lua_settop(L, has_some ? top + 1 : top);
    return has_some;
  }
  lua_settop(L, top);
  return false;
}

/* Writes the entry that the n-th registry of the list has for the table at `index`. False: it has none. */
static bool encode_entry(struct encoder *e, int index, int list, int n, const struct path_step *at,
                         int depth) {
  lua_State *L = e->L;
  lua_rawgeti(L, list, n);
  if (!lua_istable(L, list + 1)) return false;
  lua_pushvalue(L, index);
  lua_rawget(L, list + 1);
  if (lua_isnil(L, list + 2)) return false;
  encode_class(e, list + 1, at);
  encode_at_depth(e, list + 2, at, depth);
  return true;
}

/* Writes what registries have for the table at `index`. False: they have nothing, and nothing is written. */
static bool encode_class_entries(struct encoder *e, int index, const struct path_step *at, int depth) {
  lua_State *L = e->L;
  if (e->mode == ENCODE_IMAGE || !e->vm->has_registries) return false;
  const struct path_step here = {.up = at, .kind = PATH_CLASS};
  const int list = lua_gettop(L) + 1;
  luaL_checkstack(L, 12, "no room for a registry");
  if (!push_registries(L, index)) return false;
  const size_t count_at = e->s->out.len;
  unsigned count = 0;
  encoder_wrote(e, put_u8(encoder_room(e, 1), 0));
  for (int n = 1; n <= ENTRIES_MAX; n++) {
    lua_rawgeti(L, list, n);
    const bool is_end = lua_isnil(L, -1);
    lua_settop(L, list);
    if (is_end) break;
    count += encode_entry(e, index, list, n, &here, depth);
    lua_settop(L, list);
  }
  lua_settop(L, list - 1);
  if (count == 0)
    e->s->out.len = count_at;
  else
    e->s->out.data[count_at] = (uint8_t)count;
  return count > 0;
}

/* Finds the registries of the listed classes whose registries are not known yet. Their bodies, and what the message
 * has of their objects, are without entries so far. */
static void find_registries(struct encoder *e) {
  lua_State *L = e->L;
  const int top = lua_gettop(L);
  luaL_checkstack(L, 8, "no room for a class");
  for (int n = 1; n <= e->class_count && !e->has_closure; n++) {
    lua_rawgeti(L, e->classes, n);
    class_push_record(L, top + 1);
    lua_rawgeti(L, top + 2, CLASS_REGISTRIES);
    if (lua_isnil(L, -1) && class_find_registries(L, top + 1, top + 2)) {
      lua_pushnil(L);
      lua_rawseti(L, top + 2, CLASS_BODY);
      e->must_repeat = true;
    }
    lua_settop(L, top);
  }
}

/* ---- objects that decide for themselves ------------------------------------------------------ */

struct sending {
  const struct sending *up;
  uint32_t offset;
  int depth;
};

/* Raises if the object at `offset` is one whose __mm_send has been called, and has not been written yet. */
static void encode_class_check_reference(struct encoder *e, uint32_t offset) {
  for (const struct sending *s = e->sending; s; s = s->up)
    if (s->offset == offset)
      luaL_error(e->L, "cannot send an object to which the value of its __mm_send leads");
}

static enum metatable_kind kind_of(lua_State *L, int metatable) {
  const int top = lua_gettop(L);
  enum metatable_kind kind = METATABLE_PLAIN;
  class_push_inherited(L, metatable, "__mm_send");
  lua_pushliteral(L, "__call");
  lua_rawget(L, metatable);
  if (lua_isboolean(L, top + 1))
    kind = METATABLE_FORBIDS;
  else if (!lua_isnil(L, top + 1))
    kind = METATABLE_SENDS;
  else if (class_has_weak_keys(L, metatable))
    kind = METATABLE_WEAK;
  else if (!lua_isnil(L, top + 2))
    kind = METATABLE_CALLABLE;
  lua_settop(L, top);
  return kind;
}

/* Looks at the metatable on top of the stack. Most objects of a message follow one of the same class. */
static enum metatable_kind inspect(struct encoder *e) {
  const void *metatable = lua_topointer(e->L, -1);
  if (metatable != e->last_metatable) {
    luaL_checkstack(e->L, 8, "no room to look at a class");
    e->last_kind = kind_of(e->L, lua_gettop(e->L));
    e->last_metatable = metatable;
  }
  return e->last_kind;
}

static const char *cure_of(const char *name) {
  const bool has_result = strcmp(name, "Future") == 0 || strcmp(name, "Task") == 0;
  if (has_result) return "send what its get returns";
  return "it stays where it was made; make one in the worker";
}

/* "a Pool", "an Actor" */
NO_RETURN static void raise_forbidden(struct encoder *e, int metatable, const struct path_step *at) {
  lua_State *L = e->L;
  lua_pushliteral(L, "__name");
  lua_rawget(L, metatable);
  const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "object of this class";
  lua_pushfstring(L, "%s %s", strchr("AEIOUaeiou", name[0]) ? "an" : "a", name);
  path_raise(L, at, lua_tostring(L, -1), cure_of(name));
}

/* Replaces the object at `index` by what its class sends, on top of the stack. A class of this library that forbids some
 * of its objects returns its metatable for those. */
static void push_sent(struct encoder *e, int index, int metatable, const struct path_step *at) {
  lua_State *L = e->L;
  class_push_inherited(L, metatable, "__mm_receive");
  if (lua_isnil(L, -1))
    path_raise(L, at, "an object whose class has __mm_send and no __mm_receive", "see mm.register");
  lua_pop(L, 1);
  class_push_inherited(L, metatable, "__mm_send");
  lua_pushvalue(L, index);
  lua_call(L, 1, 1);
  if (lua_rawequal(L, -1, metatable)) raise_forbidden(e, metatable, at);
}

/* Writes the deferred parts behind the first `start`, and forgets them. */
static void finish_part(struct encoder *e, int start, int done) {
  e->work_done = start;
  encode_deferred(e, "value");
  e->work_done = done;
  e->work_count = start;
  e->s->deferred.len = (size_t)start * sizeof(uint32_t);
}

static void encode_sent(struct encoder *e, int index, int metatable, const struct path_step *at, int depth) {
  lua_State *L = e->L;
  const struct path_step here = {.up = at, .kind = PATH_SENT};
  const struct sending self = {e->sending, encoder_offset(e), e->sending ? e->sending->depth + 1 : 1};
  const int start = e->work_count, done = e->work_done;
  if (self.depth > WIRE_SENDING_MAX)
    path_raise(L, at, "an object nested too deeply in others with __mm_send",
               "let __mm_send return plain values");
  push_sent(e, index, metatable, at);
  encoder_keep(e);
  encoder_wrote(e, put_u32(put_u8(encoder_room(e, WRITER_VALUE_MAX), TAG_SENT), 0));
  e->sending = &self;
  encode_metatable(e, metatable, &here, depth);
  encode_at_depth(e, lua_gettop(L), &here, depth + 1);
  finish_part(e, start, done);
  e->sending = self.up;
  put_u32(e->s->out.data + self.offset + 1, encoder_offset(e) - self.offset - 5);
}

/* Writes the object at `index` as its class decides (__mm_send). False: the class does not decide.
 * [-0, +0, raises] */
static bool encode_class_if_object(struct encoder *e, int index, const struct path_step *at, int depth) {
  lua_State *L = e->L;
  luaL_checkstack(L, 12, "no room to look at a class");
  const int metatable = lua_gettop(L) + 1;
  if (!lua_getmetatable(L, index)) {
    e->kind = METATABLE_PLAIN;
    return false;
  }
  const enum metatable_kind kind = e->kind = inspect(e);
  if (kind == METATABLE_FORBIDS) raise_forbidden(e, metatable, at);
  if (kind == METATABLE_SENDS) encode_sent(e, index, metatable, at, depth);
  lua_settop(L, metatable - 1);
  return kind == METATABLE_SENDS;
}

struct encoder class_encoder_make(lua_State *L, struct scratch *s, enum encode_mode mode, int work) {
  static const struct class_encoder class = {
      .encode = encode_class,
      .encode_if_class = encode_class_if_class,
      .encode_if_object = encode_class_if_object,
      .encode_entries = encode_class_entries,
      .see_field = encode_class_see_field,
      .see_metatable = encode_class_see_metatable,
      .check_reference = encode_class_check_reference,
  };
  struct encoder e = encoder_make(L, s, mode, work);
  e.class = &class;
  return e;
}
