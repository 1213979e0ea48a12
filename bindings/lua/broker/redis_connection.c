/* SPDX-License-Identifier: MIT */
#include "broker/redis_connection.h"

#include <string.h>

#include "core/arguments.h"
#include "core/waiting.h"
#include "state/vm.h"

struct connection_handle {
  struct redis_connection *connection; /* NULL: closed */
};

enum { WORDS_MOST = 100000, WORDS_ON_STACK = 32 };

static const struct handle_class class; /* defined below its methods */

static struct redis_connection *check_connection(lua_State *L) {
  const struct connection_handle *h = class_check(L, 1, &class);
  if (!h->connection) luaL_error(L, "RedisConnection: used after close");
  return h->connection;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void read_text(lua_State *L, int index, const char *field, char *out, size_t room) {
  lua_getfield(L, index, field);
  size_t size = 0;
  const char *text = luaL_optlstring(L, -1, "", &size);
  if (size >= room || strlen(text) != size) luaL_error(L, "broker: %s: too long, or not text", field);
  memcpy(out, text, size + 1);
  lua_pop(L, 1);
}

void redis_read_settings(lua_State *L, int index, struct redis_settings *out) {
  luaL_checktype(L, index, LUA_TTABLE);
  memset(out, 0, sizeof *out);
  read_text(L, index, "address", out->address, sizeof out->address);
  read_text(L, index, "user", out->user, sizeof out->user);
  read_text(L, index, "password", out->password, sizeof out->password);
  read_text(L, index, "name", out->name, sizeof out->name);
  read_text(L, index, "host", out->host, sizeof out->host);
  read_text(L, index, "ca", out->ca, sizeof out->ca);
  read_text(L, index, "cert", out->cert, sizeof out->cert);
  read_text(L, index, "key", out->key, sizeof out->key);
  lua_getfield(L, index, "database");
  out->database = (int)luaL_optnumber(L, -1, 0);
  lua_getfield(L, index, "is_encrypted");
  out->is_encrypted = lua_toboolean(L, -1);
  lua_pop(L, 2);
}

struct opening {
  struct redis_settings settings;
  char why[REDIS_WHY_MAX];
};

/* Not by wait_for, whose slices would begin it anew: a stop of this VM waits for the timeout. */
int redis_connection_open(lua_State *L) REQUIRES(rank_vm) {
  struct opening *o = lua_newuserdata(L, sizeof *o);
  redis_read_settings(L, 1, &o->settings);
  const deadline until = argument_timeout(L, 2);
  struct connection_handle *h = lua_newuserdata(L, sizeof *h);
  h->connection = NULL;
  (void)class_push(L, &class);
  lua_setmetatable(L, -2);
  struct vm *vm = vm_of(L);
  vm_leave(vm);
  const status st = redis_open(&o->settings, until, &h->connection, o->why);
  vm_return(L, vm);
  if (st == STATUS_OK) return 1;
  if (!o->why[0]) return return_failure(L, st);
  lua_pushnil(L);
  lua_pushstring(L, o->why);
  return 2;
}

/* ---- sending --------------------------------------------------------------------------------- */

static int append_words(lua_State *L, struct redis_connection *c, int first, int count, const char **words,
                        size_t *sizes) {
  for (int i = 0; i < count; i++) words[i] = luaL_checklstring(L, first + i, &sizes[i]);
  return return_status(L, redis_append(c, count, words, sizes));
}

/* append(word, …) → true; or nil and why */
static int redis_append_method(lua_State *L) {
  struct redis_connection *c = check_connection(L);
  const int count = lua_gettop(L) - 1;
  const char *words[WORDS_ON_STACK];
  size_t sizes[WORDS_ON_STACK];
  if (count < 1 || count > WORDS_ON_STACK)
    return luaL_error(L, "RedisConnection:append: 1 to 32 words expected");
  return append_words(L, c, 2, count, words, sizes);
}

/* append_list{ word, … } */
static int redis_append_list_method(lua_State *L) {
  struct redis_connection *c = check_connection(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  const int count = (int)lua_rawlen(L, 2);
  if (count < 1 || count > WORDS_MOST || !lua_checkstack(L, count + LUA_MINSTACK))
    return luaL_error(L, "RedisConnection:append_list: 1 to %d words expected", WORDS_MOST);
  for (int i = 1; i <= count; i++) lua_rawgeti(L, 2, i);
  const char **words = lua_newuserdata(L, (size_t)count * sizeof *words);
  size_t *sizes = lua_newuserdata(L, (size_t)count * sizeof *sizes);
  return append_words(L, c, 3, count, words, sizes);
}

static status attempt_flush(void *context, deadline until) { return redis_flush(context, until); }

/* flush(timeout) → true, when everything is with the system; or nil and why */
static int redis_flush_method(lua_State *L) REQUIRES(rank_vm) {
  struct redis_connection *c = check_connection(L);
  const deadline until = argument_timeout(L, 2);
  status st = redis_flush(c, deadline_now());
  if (st == STATUS_TIMEOUT && !deadline_is_now(until))
    st = wait_for(L, TRACE_CALL_SEND, attempt_flush, c, until);
  raise_if_stopped(L, st);
  return return_status(L, st);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void push_reply(lua_State *L, const struct resp_reply *reply, bool is_item) {
  const struct resp_view v = resp_look(reply);
  luaL_checkstack(L, LUA_MINSTACK, "a reply too deep");
  switch (v.kind) {
    case RESP_TEXT:
    case RESP_ERROR: lua_pushlstring(L, v.text, v.size); return;
    case RESP_NUMBER: lua_pushinteger(L, (lua_Integer)v.number); return;
    case RESP_ARRAY: break;
    default:
      if (is_item)
        lua_pushboolean(L, 0); /* a hole would cut the list short */
      else
        lua_pushnil(L);
      return;
  }
  lua_createtable(L, (int)v.count, 0);
  for (size_t i = 0; i < v.count; i++) {
    push_reply(L, resp_item(reply, i), true);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

/* [-1 (the reply), +1, raises] */
static int push_protected(lua_State *L) {
  push_reply(L, lua_touserdata(L, 1), false);
  return 1;
}

/* The reply is freed whatever becomes of it: running out of memory raises. [-0, +1, raises] */
static void push_and_free(lua_State *L, struct resp_reply *reply) {
  lua_pushcfunction(L, push_protected);
  lua_pushlightuserdata(L, reply);
  const int failed = lua_pcall(L, 1, 1, 0);
  resp_free(reply);
  if (failed) lua_error(L);
}

static int return_read_failure(lua_State *L, status st) {
  if (st != STATUS_MALFORMED) return return_failure(L, st);
  lua_pushnil(L);
  lua_pushstring(L, redis_no_reply);
  return 2;
}

/* pull() → true: something came; false: nothing; nil and why: the connection is broken */
static int redis_pull_method(lua_State *L) {
  const status st = redis_pull(check_connection(L));
  if (st && st != STATUS_EMPTY) return return_read_failure(L, st);
  lua_pushboolean(L, st == STATUS_OK);
  return 1;
}

/* next() → true and a reply: nil, text, number, or a list of such, where false stands for nil;
 * true, nil and the text of an error; false: none is there; nil and why: the server does not speak
 * RESP */
static int redis_next_method(lua_State *L) {
  struct redis_connection *c = check_connection(L);
  struct resp_reply *reply = NULL;
  const status st = redis_next(c, &reply);
  if (st && st != STATUS_EMPTY) return return_read_failure(L, st);
  lua_pushboolean(L, st == STATUS_OK);
  if (st) return 1;
  const bool is_error = resp_look(reply).kind == RESP_ERROR;
  if (is_error) lua_pushnil(L);
  push_and_free(L, reply);
  return is_error ? 3 : 2;
}

static int redis_fileno_method(lua_State *L) {
  lua_pushinteger(L, redis_descriptor(check_connection(L)));
  return 1;
}

static int redis_close_method(lua_State *L) {
  struct connection_handle *h = class_check(L, 1, &class);
  redis_close(h->connection);
  h->connection = NULL;
  return 0;
}

static const luaL_Reg methods[] = {{"append", redis_append_method},
                                   {"append_list", redis_append_list_method},
                                   {"flush", redis_flush_method},
                                   {"pull", redis_pull_method},
                                   {"next", redis_next_method},
                                   {"fileno", redis_fileno_method},
                                   {NULL, NULL}};
static const struct handle_class class = {.name = "RedisConnection",
                                          .key = "manymoons.RedisConnection",
                                          .methods = methods,
                                          .close = redis_close_method,
                                          .collect = redis_close_method};
