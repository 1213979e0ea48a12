/* SPDX-License-Identifier: MIT */
/* The sender's side. Each entry is encoded in a protected call of its own. If that fails, its
 * bytes, holds and known objects are removed again, and an entry with the error's text is written
 * instead. */
#include <string.h>

#include "state/classes.h"
#include "state/encode_class.h"
#include "state/encode_sets.h"
#include "state/error.h"
#include "state/fresh.h"
#include "state/globals.h"
#include "state/library.h"
#include "state/module_source.h"
#include "state/names.h"
#include "state/originals.h"
#include "state/transfer.h"
#include "wire/message.h"
#include "wire/writer.h"

static int image_protected(lua_State *L);

struct image_writer {
  struct scratch *s;
  struct bytes *out; /* owned by the caller */
  unsigned flags;
  bool needs_modules; /* one of the entries does; those that refer to entries before them count as well */
};

struct entry {
  struct image_writer *image;
  enum image_kind kind;
  const char *library; /* NULL unless kind is IMAGE_LIBRARY or IMAGE_MODULE */
  const char *key;
  int depth_max;
  size_t start;
};

/* ---- one entry ------------------------------------------------------------------------------- */

static void encode_heading(struct encoder *e, const struct entry *entry, unsigned kind) {
  encoder_wrote(e, put_u32(put_u8(encoder_room(e, WRITER_VALUE_MAX), kind), 0));
  if (entry->library) encode_sized(e, entry->library, strlen(entry->library));
  encode_sized(e, entry->key, strlen(entry->key));
}

static void entry_close(struct encoder *e, const struct entry *entry) {
  const size_t size = e->s->out.len - entry->start - 5;
  if (size > UINT32_MAX) luaL_error(e->L, "a global is larger than 4 GiB");
  put_u32(e->s->out.data + entry->start + 1, (uint32_t)size);
}

enum { ENTRY_CALL = 1, ENTRY_VALUE, ENTRY_WORK, ENTRY_CLASSES };

/* (entry, value) */
static int entry_protected(lua_State *L) {
  const struct entry *entry = lua_touserdata(L, ENTRY_CALL);
  lua_settop(L, ENTRY_CLASSES);
  struct encoder e = class_encoder_make(L, entry->image->s, ENCODE_IMAGE, ENTRY_WORK);
  e.depth_max = entry->depth_max;
  encode_heading(&e, entry, entry->kind);
  const struct path_step root = {.kind = PATH_ROOT, .name = *entry->key ? entry->key : "_G's metatable"};
  encode_value(&e, ENTRY_VALUE, &root);
  encode_deferred(&e, root.name);
  entry_close(&e, entry);
  const bool needs = e.needs_modules || (entry->image->needs_modules && e.least_reference < entry->start);
  if (needs && entry->kind == IMAGE_GLOBAL) e.s->out.data[entry->start] = IMAGE_GLOBAL_NEEDING;
  entry->image->needs_modules |= needs;
  entry->image->flags |= e.flags;
  return 0;
}

/* (entry, text) */
static int broken_protected(lua_State *L) {
  const struct entry *entry = lua_touserdata(L, ENTRY_CALL);
  struct encoder e = class_encoder_make(L, entry->image->s, ENCODE_IMAGE, 0);
  encode_heading(&e, entry, entry->kind | IMAGE_BROKEN);
  size_t size;
  const char *text = lua_tolstring(L, ENTRY_VALUE, &size);
  encode_sized(&e, text ? text : "it cannot be sent", text ? size : strlen("it cannot be sent"));
  entry_close(&e, entry);
  return 0;
}

/* Calls one of the two functions above with the value on top of the stack, which stays there. On
 * failure removes what was written, pushes the error and returns false. [-0, +0|1, memory] */
static bool entry_try(lua_State *L, lua_CFunction function, struct entry *entry) {
  struct scratch *s = entry->image->s;
  const size_t handles = s->handles.len;
  entry->start = s->out.len;
  bytes_clear(&s->deferred);
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, entry);
  lua_pushvalue(L, -3);
  const int result = lua_pcall(L, 2, 0, 0);
  if (!result) return true;
  scratch_drop_handles(s, handles);
  s->out.len = entry->start;
  if (object_map_cut(&s->map, (uint32_t)entry->start)) error_raise_memory(L);
  if (error_is_of_memory(L, result)) lua_error(L);
  return false;
}

static void must_write(lua_State *L, bool is_written) {
  if (!is_written) lua_error(L);
}

/* The table by which a script knows its host. A worker has none, for it is another host. */
static bool is_of_host(const struct entry *entry) {
  static const char *const hosts[] = {"love", "ngx", "vim"};
  bool is_it = false;
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) is_it |= strcmp(entry->key, hosts[i]) == 0;
  return is_it && entry->kind == IMAGE_GLOBAL;
}

/* Writes the value on top of the stack as an entry, and pops it. A failed attempt is repeated depth
 * first, so that the error names the full path of the offending value. */
static void write_entry(lua_State *L, struct entry entry) {
  const int value = lua_gettop(L);
  entry.depth_max = 0;
  if (!entry_try(L, entry_protected, &entry) && !is_of_host(&entry)) {
    lua_settop(L, value);
    entry.depth_max = WIRE_DEPTH_MAX;
    const bool is_found = !entry_try(L, entry_protected, &entry);
    if (is_found) must_write(L, entry_try(L, broken_protected, &entry));
  }
  lua_settop(L, value - 1);
}

/* Writes the value on top of the stack as an entry, and pops it. False: it cannot be sent, and there is
 * no entry: the receiver does as if the program did not have it. */
static bool write_if_sendable(lua_State *L, struct entry entry) {
  const int value = lua_gettop(L);
  const bool is_written = entry_try(L, entry_protected, &entry);
  lua_settop(L, value - 1);
  return is_written;
}

/* Writes an entry that raises the text on top of the stack. [-1, +0, memory] */
static void write_broken(lua_State *L, struct entry entry) {
  must_write(L, entry_try(L, broken_protected, &entry));
  lua_pop(L, 1);
}

/* ---- which entries --------------------------------------------------------------------------- */

/* Whether the key at index -2 is a name: a non-empty string without a NUL. */
static bool has_name(lua_State *L) {
  if (lua_type(L, -2) != LUA_TSTRING) return false;
  size_t size;
  const char *name = lua_tolstring(L, -2, &size);
  return size > 0 && strlen(name) == size;
}

/* Whether the value on top is the C function `library`.key of every VM of this host, so that the
 * receiver has it already. */
static bool is_host_function(lua_State *L, const char *library) {
  if (originals_is_at(L, -1, library, lua_tostring(L, -2))) return true;
  if (!lua_iscfunction(L, -1) || !names_find(L, -1, NAMES_REBUILT)) return false;
  const bool is_same = strcmp(lua_tostring(L, -2), library) == 0 && lua_rawequal(L, -1, -4);
  lua_pop(L, 2);
  return is_same;
}

static bool is_of_fresh_vm(lua_State *L, const char *library, int marks) {
  if (fresh_has(L, marks, -2, -1)) return true;
  lua_pushvalue(L, -2);
  lua_rawget(L, marks);
  const bool is_known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return is_known && is_host_function(L, library);
}

/* Whether the table on top is package.loaded[key], and not one that the script put there. */
static bool is_module_of_that_name(lua_State *L) {
  lua_pushloaded(L);
  lua_pushvalue(L, -3);
  lua_rawget(L, -2);
  const bool is_it = lua_rawequal(L, -1, -3);
  lua_pop(L, 2);
  return is_it;
}

/* Whether the value on top is the table `library`, which strings have as __index. */
static bool is_index_of_strings(lua_State *L) {
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  const bool is_it = lua_rawequal(L, -1, -3);
  lua_pop(L, 2);
  return is_it;
}

/* Whether the table on top is the module of a host by which scripts find out where they run, and which has nothing
 * that works elsewhere. Neovim's has much in pure Lua, and is carried. */
static bool is_host_module(lua_State *L) {
  const char *key = lua_tostring(L, -2);
  const bool is_host = strcmp(key, "love") == 0 || strcmp(key, "ngx") == 0;
  return is_host && lua_istable(L, -1) && is_module_of_that_name(L) && !module_is_found(L, key);
}

static bool is_carried_global(lua_State *L, int marks) {
  if (!has_name(L) || strcmp(lua_tostring(L, -2), "arg") == 0 || is_host_module(L)) return false;
  if (!is_of_fresh_vm(L, "_G", marks)) return true;
  return lua_istable(L, -1) && !is_module_of_that_name(L);
}

/* (… marks, table) Writes an entry of nil for each key of the marks that the table does not have. The
 * entry's kind and library are those of `like`. */
static void write_removed(lua_State *L, struct entry like) {
  const int marks = lua_gettop(L) - 1;
  lua_pushnil(L);
  while (lua_next(L, marks)) {
    lua_pushvalue(L, -2);
    lua_rawget(L, marks + 1);
    if (!lua_isnil(L, -1)) { /* nearly always */
      lua_pop(L, 2);
      continue;
    }
    lua_replace(L, -2);
    like.key = lua_tostring(L, -2);
    write_entry(L, like);
  }
}

/* The marks of all libraries are on top of the stack. */
static void write_globals(lua_State *L, struct image_writer *image) {
  lua_getfield(L, -1, "_G");
  const int marks = lua_gettop(L);
  lua_pushglobaltable(L);
  write_removed(L, (struct entry){.image = image, .kind = IMAGE_GLOBAL});
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (is_carried_global(L, marks))
      write_entry(L, (struct entry){.image = image, .kind = IMAGE_GLOBAL, .key = lua_tostring(L, -2)});
    else
      lua_pop(L, 1);
  }
  lua_settop(L, marks - 1);
}

/* Fields of `package` that the worker's settings and other entries bring. */
static bool is_brought_elsewhere(const char *library, const char *key) {
  static const char *const keys[] = {"config", "cpath", "loaded", "loaders", "path", "preload", "searchers"};
  if (strcmp(library, LUA_LOADLIBNAME) != 0) return false;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(keys[i], key) == 0) return true;
  return false;
}

/* Whether the field whose key and value are on top of the stack differs from that of a fresh VM. */
static bool is_carried_field(lua_State *L, const char *library, int marks) {
  if (!has_name(L) || is_brought_elsewhere(library, lua_tostring(L, -2))) return false;
  if (!is_of_fresh_vm(L, library, marks)) return true;
  return strcmp(library, FRESH_STRINGS) == 0 && lua_istable(L, -1) && !is_index_of_strings(L);
}

/* The library's name and marks are on top of the stack. */
static void write_library(lua_State *L, struct image_writer *image) {
  const int marks = lua_gettop(L);
  const char *library = lua_tostring(L, marks - 1);
  fresh_push_library(L, library);
  if (lua_isnil(L, -1) && strcmp(library, FRESH_STRINGS) == 0) {
    lua_pop(L, 1);
    lua_newtable(L);
  }
  if (lua_istable(L, -1)) {
    if (lua_getmetatable(L, -1))
      (void)write_if_sendable(L, (struct entry){image, IMAGE_LIBRARY, library, "", 0, 0});
    write_removed(L, (struct entry){.image = image, .kind = IMAGE_LIBRARY, .library = library});
    lua_pushnil(L);
    while (lua_next(L, marks + 1)) {
      if (is_carried_field(L, library, marks))
        write_entry(L, (struct entry){image, IMAGE_LIBRARY, library, lua_tostring(L, -2), 0, 0});
      else
        lua_pop(L, 1);
    }
  } else if (*library != *FRESH_FILES) {
    lua_pushnil(L);
    write_entry(L, (struct entry){.image = image, .kind = IMAGE_LOADED, .key = library});
  }
  lua_settop(L, marks);
}

/* The marks of all libraries are on top of the stack. */
static void write_libraries(lua_State *L, struct image_writer *image) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (strcmp(lua_tostring(L, -2), "_G") != 0) write_library(L, image);
    lua_pop(L, 1);
  }
}

/* ---- modules --------------------------------------------------------------------------------- */

/* Whether package.loaded[name] is to be sent: the program, or a searcher of its own, put it there. */
static bool is_carried_module(lua_State *L, int marks, const char *name) {
  lua_getfield(L, marks, name);
  const bool is_standard = !lua_isnil(L, -1);
  lua_pop(L, 1);
  const size_t own = strlen(VM_LIBRARY_KEY);
  if (is_standard || (strncmp(name, VM_LIBRARY_KEY, own) == 0 && (name[own] == '\0' || name[own] == '.')))
    return false;
  return !module_is_found(L, name);
}

/* (… marks) Pushes the names of the modules to send, name -> true. */
static void push_carried(lua_State *L) {
  const int marks = lua_gettop(L);
  lua_newtable(L);
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, marks + 2)) {
    const bool is_carried = has_name(L) && is_carried_module(L, marks, lua_tostring(L, -2));
    lua_pop(L, 1);
    if (!is_carried) continue;
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, marks + 1);
  }
  lua_pop(L, 1);
}

/* Writes the source of a module. False: there is none that can be sent. */
static bool write_source(lua_State *L, struct image_writer *image, const char *name) {
  const struct entry entry = {.image = image, .kind = IMAGE_PRELOAD, .key = name};
  return module_source_push(L, name) && write_if_sendable(L, entry);
}

static const char pruned_key =
    'p'; /* its address is the key of the copies, which live until the next image */

/* Pushes a copy of the table on top without its functions in C. [-0, +1, memory] */
static void push_pruned(lua_State *L) {
  const int whole = lua_gettop(L);
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, whole)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    if (lua_iscfunction(L, -1))
      lua_pop(L, 2);
    else
      lua_rawset(L, whole + 1);
  }
}

/* The field `key` of the module at that index, which cannot be sent as it is: if it is a metatable, values of the host
 * may have it (`vim.empty_dict()`), so the worker has one of that name, without what is the host's. */
static void write_pruned(lua_State *L, struct entry entry, int module) {
  const int top = lua_gettop(L);
  lua_getfield(L, module, entry.key);
  if (lua_istable(L, -1) && class_has_metamethods(L, -1)) {
    push_pruned(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pruned_key);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
    (void)write_if_sendable(L, entry);
  }
  lua_settop(L, top);
}

/* Writes the fields of a host's module that can be sent, and its metatable. The module is on top of the stack,
 * and popped. One that is no table has no fields, and is sent as it is. */
static void write_fields(lua_State *L, struct image_writer *image, const char *name) {
  const int module = lua_gettop(L);
  if (!lua_istable(L, module)) {
    (void)write_if_sendable(L, (struct entry){.image = image, .kind = IMAGE_LOADED, .key = name});
    return;
  }
  struct entry entry = {.image = image, .kind = IMAGE_MODULE, .library = name, .key = ""};
  if (lua_getmetatable(L, module)) (void)write_if_sendable(L, entry);
  lua_pushnil(L);
  while (lua_next(L, module)) {
    entry.key = has_name(L) ? lua_tostring(L, -2) : NULL;
    if (!entry.key)
      lua_pop(L, 1);
    else if (!write_if_sendable(L, entry))
      write_pruned(L, entry, module);
  }
  lua_settop(L, module - 1);
}

/* (… names) Writes the sources of modules, which are then none of the names any more. */
static void write_sources(lua_State *L, struct image_writer *image) {
  const int names = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, names)) {
    lua_pop(L, 1);
    if (!write_source(L, image, lua_tostring(L, -1))) continue;
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, names);
  }
}

/* (… names) The modules of a host with searchers of its own are the host's, and not carried. */
static void write_host_modules(lua_State *L, struct image_writer *image) {
  const int names = lua_gettop(L);
  lua_pushnil(L);
  encode_set_keep(L, ENCODE_CARRIED);
  write_sources(L, image);
  lua_pushvalue(L, names);
  encode_set_keep(L, ENCODE_WITHOUT_SOURCE);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &pruned_key);
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, names)) {
    lua_pop(L, 1);
    lua_getfield(L, names + 1, lua_tostring(L, -1));
    write_fields(L, image, lua_tostring(L, -2));
  }
  lua_pushnil(L);
  encode_set_keep(L, ENCODE_WITHOUT_SOURCE);
}

/* (… names) A module that cannot be sent is known by its name from then on, and sent as its source. */
static void write_program_modules(lua_State *L, struct image_writer *image) {
  const int names = lua_gettop(L);
  lua_pushvalue(L, names);
  encode_set_keep(L, ENCODE_CARRIED);
  lua_pushloaded(L);
  lua_pushnil(L);
  while (lua_next(L, names)) {
    lua_pop(L, 1);
    const char *name = lua_tostring(L, -1);
    lua_getfield(L, names + 1, name);
    if (write_if_sendable(L, (struct entry){.image = image, .kind = IMAGE_LOADED, .key = name})) continue;
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 0);
    lua_rawset(L, names);
    (void)write_source(L, image, name);
  }
}

/* (… marks) */
static void write_modules(lua_State *L, struct image_writer *image) {
  const int top = lua_gettop(L);
  push_carried(L);
  if (module_host_has_searchers(L))
    write_host_modules(L, image);
  else
    write_program_modules(L, image);
  lua_settop(L, top);
}

/* Writes the searchers of `require` if they are not those of a fresh VM. */
static void write_searchers(lua_State *L, struct image_writer *image) {
  lua_pushsearchers(L);
  if (!lua_istable(L, -1)) return;
  const int list = lua_gettop(L);
  const int count = (int)lua_rawlen(L, list);
  bool is_fresh = true;
  for (int i = 1; i <= count && is_fresh; i++) {
    lua_pushfstring(L, "%d", i);
    lua_rawgeti(L, list, i);
    is_fresh = lua_isfunction(L, -1) && originals_is_at(L, -1, ORIGINALS_SEARCHERS, lua_tostring(L, -2));
    lua_settop(L, list);
  }
  lua_pushfstring(L, "%d", count + 1);
  originals_push(L, ORIGINALS_SEARCHERS, lua_tostring(L, -1));
  is_fresh = is_fresh && lua_isnil(L, -1);
  lua_settop(L, list);
  if (!is_fresh)
    (void)write_if_sendable(L, (struct entry){.image = image, .kind = IMAGE_SEARCHERS, .key = ""});
}

/* ---- types ----------------------------------------------------------------------------------- */

static void write_types(lua_State *L, struct image_writer *image) {
  static const char *const types[] = {"nil", "boolean", "number", "function", "thread"};
  const int value = lua_gettop(L) + 1;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    fresh_push_value_of_type(L, types[i]);
    if (lua_getmetatable(L, value))
      write_entry(L, (struct entry){.image = image, .kind = IMAGE_TYPE, .key = types[i]});
    lua_settop(L, value - 1);
  }
}

/* ---- classes, and functions of package.preload ----------------------------------------------- */

static enum image_kind class_kind(lua_State *L, const char *name) {
  return names_audience_of(L, name) == NAMES_FOR_STRANGERS ? IMAGE_CLASS_FOR_STRANGERS : IMAGE_CLASS;
}

static void write_classes(lua_State *L, struct image_writer *image) {
  names_push_all_registered(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (has_name(L)) {
      const char *name = lua_tostring(L, -2);
      write_entry(L, (struct entry){.image = image, .kind = class_kind(L, name), .key = name});
    } else {
      lua_pop(L, 1);
    }
  }
}

/* Writes the functions of the table on top of the stack. */
static void write_loaders(lua_State *L, struct image_writer *image) {
  lua_pushnil(L);
  while (lua_istable(L, -2) && lua_next(L, -2)) {
    const bool is_wanted = lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
    if (is_wanted && has_name(L))
      write_entry(L, (struct entry){.image = image, .kind = IMAGE_PRELOAD, .key = lua_tostring(L, -2)});
    else
      lua_pop(L, 1);
  }
}

static void write_preload(lua_State *L, struct image_writer *image) {
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "preload");
    write_loaders(L, image);
  }
}

static void write_metatable(lua_State *L, struct image_writer *image) {
  globals_push_metatable(L);
  if (lua_istable(L, -1)) write_entry(L, (struct entry){.image = image, .kind = IMAGE_METATABLE, .key = ""});
}

/* Names that this VM could not decode are passed on as broken. */
static void write_broken_again(lua_State *L, struct image_writer *image) {
  globals_push_broken(L);
  lua_pushnil(L);
  while (lua_istable(L, -2) && lua_next(L, -2))
    write_broken(L, (struct entry){.image = image, .kind = IMAGE_GLOBAL, .key = lua_tostring(L, -2)});
}

static void write_image(lua_State *L, struct image_writer *image) {
  const int top = lua_gettop(L);
  fresh_push(L);
  write_modules(L, image);
  write_globals(L, image);
  write_libraries(L, image);
  write_types(L, image);
  lua_settop(L, top);
  write_searchers(L, image);
  lua_settop(L, top);
  write_preload(L, image);
  lua_settop(L, top);
  write_classes(L, image);
  lua_settop(L, top);
  write_metatable(L, image);
  lua_settop(L, top);
  write_broken_again(L, image);
  lua_settop(L, top);
}

/* (image) */
static int image_protected(lua_State *L) {
  struct image_writer *image = lua_touserdata(L, 1);
  luaL_checkstack(L, 24, "no room to encode the globals");
  struct scratch *s = scratch_idle(L);
  s->is_busy = true;
  image->s = s;
  scratch_clear(s);
  if (message_begin(&s->out)) error_raise_memory(L);
  write_image(L, image);
  if (message_finish(&s->out, image->flags | FLAG_IMAGE, 0, &s->handles)) error_raise_memory(L);
  if (bytes_append(image->out, s->out.data, s->out.len)) error_raise_memory(L);
  return 0;
}

void globals_encode(lua_State *L, struct bytes *out) {
  transfer_open(L);
  globals_load(L);
  luaL_checkstack(L, 4, "no room to encode the globals");
  struct image_writer image = {.out = out};
  lua_pushcfunction(L, image_protected);
  lua_pushlightuserdata(L, &image);
  const int result = lua_pcall(L, 1, 0, 0);
  if (image.s) image.s->is_busy = false;
  if (!result) return;
  if (image.s) scratch_drop_handles(image.s, 0);
  lua_error(L);
}
