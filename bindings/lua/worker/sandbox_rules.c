/* SPDX-License-Identifier: MIT */
#include "worker/sandbox_rules.h"

#include <errno.h>

#include "base/memory.h"
#include "core/arguments.h"
#include "os/program.h"
#include "state/error.h"
#include "wire/handles.h"
#include "wire/message.h"

/* ---- writing --------------------------------------------------------------------------------- */

/* A limit counts Lua's memory alone, and is reached first. */
uint64_t sandbox_rules_memory(uint64_t limit) {
  const uint64_t usual = UINT64_C(1) << 30;
  const uint64_t beside_lua = UINT64_C(1) << 28;
  return limit ? limit + beside_lua : usual;
}

status sandbox_rules_begin(struct bytes *out, const struct sandbox_rules_head *head, const char *name) {
  const status st = bytes_append(out, head, sizeof *head);
  return st ? st : bytes_append(out, name, strlen(name) + 1);
}

status sandbox_rules_add(struct bytes *out, enum sandbox_access access, const char *path) {
  const char kind = (char)access;
  const status st = bytes_append(out, &kind, 1);
  return st ? st : bytes_append(out, path, strlen(path) + 1);
}

static void must(lua_State *L, status st) {
  if (st) error_raise_memory(L);
}

static uint32_t count_of(lua_State *L, const char *list) {
  lua_getfield(L, -1, list);
  const uint32_t count = lua_istable(L, -1) ? (uint32_t)lua_rawlen(L, -1) : 0;
  lua_pop(L, 1);
  return count;
}

static void append_paths(lua_State *L, struct bytes *out, const char *list, enum sandbox_access access) {
  const uint32_t count = count_of(L, list);
  lua_getfield(L, -1, list);
  for (uint32_t i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, (int)i);
    must(L, sandbox_rules_add(out, access, luaL_checkstring(L, -1)));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static struct sandbox_rules_head head_of(lua_State *L) {
  struct sandbox_rules_head head = {.path_count = count_of(L, "read") + count_of(L, "write")};
  lua_getfield(L, -1, "network");
  head.network = lua_toboolean(L, -1) ? SANDBOX_NETWORK : SANDBOX_NO_NETWORK;
  lua_getfield(L, -2, "memory");
  head.memory = sandbox_rules_memory((uint64_t)lua_tonumber(L, -1));
  lua_pop(L, 2);
  return head;
}

void sandbox_rules_append(lua_State *L, int settings, struct bytes *out) {
  luaL_checkstack(L, 6, "no room for the rules of a sandbox");
  lua_getfield(L, settings, "sandbox");
  if (lua_istable(L, -1)) {
    const struct sandbox_rules_head head = head_of(L);
    lua_getfield(L, settings, "name");
    must(L, sandbox_rules_begin(out, &head, lua_isstring(L, -1) ? lua_tostring(L, -1) : "worker"));
    lua_pop(L, 1);
    append_paths(L, out, "read", SANDBOX_READ);
    append_paths(L, out, "write", SANDBOX_WRITE);
  }
  lua_pop(L, 1);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct texts {
  const char *at;
  const char *end;
};

static const char *next_text(struct texts *t) {
  const char *text = t->at;
  const char *zero = memchr(text, '\0', (size_t)(t->end - text));
  if (!zero) return NULL;
  t->at = zero + 1;
  return text;
}

static status read_paths(struct texts *t, struct sandbox_path *paths, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *text = next_text(t);
    if (!text || !*text) return STATUS_MALFORMED;
    paths[i] = (struct sandbox_path){(enum sandbox_access) * text, text + 1};
  }
  return STATUS_OK;
}

status sandbox_rules_read(const void *data, size_t size, struct sandbox_rules *rules, const char **name) {
  struct sandbox_rules_head head;
  if (size < sizeof head) return STATUS_MALFORMED;
  memcpy(&head, data, sizeof head);
  struct texts t = {(const char *)data + sizeof head, (const char *)data + size};
  const char *own_name = next_text(&t);
  if (!own_name || head.path_count > size) return STATUS_MALFORMED;
  struct sandbox_path *paths = memory_alloc((head.path_count + 1) * sizeof *paths);
  if (!paths) return -ENOMEM;
  const status st = read_paths(&t, paths, head.path_count);
  if (st) {
    memory_free(paths);
    return st;
  }
  *name = own_name;
  *rules = (struct sandbox_rules){.paths = paths,
                                  .path_count = head.path_count,
                                  .network = (enum sandbox_network)head.network,
                                  .memory = head.memory};
  return STATUS_OK;
}

/* ---- handles --------------------------------------------------------------------------------- */

struct unfit_handle {
  int number;
  const char *name;
};

/* NULL: a queue, for which a sandboxed worker has a stand-in. */
static const char *name_of_unfit(uint8_t type) {
  static const struct unfit_handle handles[] = {
      {HANDLE_CONNECTION, "Connection"},
      {HANDLE_VALUE, "Value"},
      {HANDLE_ARRAY, "Array"},
      {HANDLE_TABLE, "Table"},
      {HANDLE_FROZEN_TABLE, "frozen table"},
#define KIND(id, number, name, ...) {HANDLE_##id, name},
#include "shared/lock_kinds.def"
  };
  for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
    if (handles[i].number == type) return handles[i].name;
  return NULL;
}

const char *sandbox_rules_unfit_handle(const struct bytes *message) {
  struct message m;
  const char *name = NULL;
  if (message_parse(message->data, message->len, &m)) return NULL;
  for (uint32_t i = 0; i < m.handle_count && !name; i++) name = name_of_unfit(message_handle_at(&m, i).type);
  return name;
}

/* ---- for Lua --------------------------------------------------------------------------------- */

int sandbox_obstacle_call(lua_State *L) {
  lua_pushstring(L, sandbox_obstacle(sandbox_support(), lua_toboolean(L, 1)));
  return 1;
}

int sandbox_path_call(lua_State *L) {
  char real[4096];
  const status st = program_real_path(luaL_checkstring(L, 1), real, sizeof real);
  if (st) return return_failure(L, st);
  lua_pushstring(L, real);
  return 1;
}
