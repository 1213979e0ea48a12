/* SPDX-License-Identifier: MIT */
/* See base/embed.h. */
#include "embedded.h"

#include <string.h>

#include "base/embed.h"

/* Rows x(ROOM, FILE): a file of a room of bindings/lua, under the name ROOM.FILE. */
#define EMBEDDED_MODULES(x)                                                                               \
  x(core, checks) x(core, diagnostics) x(core, errors) x(core, finalizers) x(core, hex) x(core, identity) \
      x(core, json) x(core, recording) x(core, wait) x(core, waits) x(core, worlds) x(locks, locks)       \
          x(locks, file_lock) x(queues, queues) x(queues, vm_pipe) x(memory, memory) x(async, init)       \
              x(async, exit) x(async, instances) x(async, async) x(async, conditions) x(async, fibers)    \
                  x(async, libuv) x(async, scheduler) x(async, schedulers) x(async, sources)              \
                      x(async, waiters) x(async, local_waits) x(worker, children) x(worker, gil)          \
                          x(worker, limits) x(worker, process) x(worker, sandbox) x(worker, serial)       \
                              x(worker, start) x(worker, task_worker) EMBEDDED_NET(x) EMBEDDED_POOL(x)
#define EMBEDDED_NET(x)                                                                            \
  x(net, handshake) x(net, listener) x(manager, client) x(manager, objects) x(manager, operations) \
      x(manager, proxies) x(manager, requests) x(manager, server)
#define EMBEDDED_POOL(x)                                                                                     \
  x(pool, arguments) x(pool, backend) x(pool, deaths) x(pool, dispatcher) x(pool, ending) x(pool, foreign)   \
      x(pool, future) x(pool, local_backend) x(pool, map) x(pool, offload) x(pool, open_pools) x(pool, pool) \
          x(pool, progress) x(pool, protocol) x(pool, pumps) x(pool, results) x(pool, rings_backend)         \
              x(pool, serial_backend) x(pool, tasks) x(pool, vm_backend) x(pool, vm_runner) x(pool, workers)
#define EMBEDDED_BROKER(x)                                                                    \
  x(broker, backend) x(broker, backoff) x(broker, classes) x(broker, client) x(broker, codec) \
      x(broker, inspect) x(broker, letters) x(broker, queue) x(broker, redis) x(broker, run)  \
          x(broker, settings) x(broker, tasks) x(broker, worker)
#define EMBEDDED_PROGRAM(x)                                                                      \
  x(cli, compare) x(cli, pool) x(cli, top) x(cli, worker) x(compare, advice) x(compare, export)  \
      x(compare, outcome) x(compare, page) x(compare, plan) x(compare, runs) x(compare, summary) \
          x(compare, text) x(compare, timeline)
/* Rows x(FILE): a module of the Redis backend, under the name broker.redis.FILE. */
#define EMBEDDED_REDIS(x) x(client) x(connection) x(lease) x(queue) x(session) x(worker)
/* Rows x(FILE): a script that the Redis server runs, under the name broker.redis.scripts.FILE. */
#define EMBEDDED_SCRIPTS(x)                                                                               \
  x(ack) x(cancel) x(depth) x(deregister) x(forget) x(get) x(heartbeat) x(hold) x(nack) x(put) x(release) \
      x(retry) x(submit)
/* Rows x(NAME, PATH): the page of `manymoons compare --html`. */
#define EMBEDDED_PAGE(x)                                                                             \
  x(uplot_js, "third_party/uplot/uPlot.iife.min.js") x(uplot_css, "third_party/uplot/uPlot.min.css") \
      x(page_html, "bindings/lua/compare/page/compare.html")                                         \
          x(page_css, "bindings/lua/compare/page/compare.css")                                       \
              x(page_bars, "bindings/lua/compare/page/bars.js")                                      \
                  x(page_lanes, "bindings/lua/compare/page/lanes.js")                                \
                      x(page_timeline, "bindings/lua/compare/page/timeline.js")                      \
                          x(page_main, "bindings/lua/compare/page/main.js")

#define EMBED_MODULE(room, file) EMBED_FILE(room##_##file, "bindings/lua/" #room "/" #file ".lua")
#define EMBED_REDIS(file)        EMBED_FILE(redis_##file, "bindings/lua/broker/redis/" #file ".lua")
#define EMBED_SCRIPT(file)       EMBED_FILE(script_##file, "bindings/lua/broker/redis/scripts/" #file ".lua")

EMBED_FILE(api, "bindings/lua/api.lua")
EMBEDDED_MODULES(EMBED_MODULE)
EMBEDDED_BROKER(EMBED_MODULE)
EMBEDDED_PROGRAM(EMBED_MODULE)
EMBEDDED_REDIS(EMBED_REDIS)
EMBEDDED_SCRIPTS(EMBED_SCRIPT)
EMBEDDED_PAGE(EMBED_FILE)

static const struct {
  const char *name;
  const char *start;
  const char *end;
} files[] = {
#define ROW(name, symbol)         {name, embedded_##symbol##_start, embedded_##symbol##_end},
#define ROW_OF_MODULE(room, file) ROW(#room "." #file, room##_##file)
#define ROW_OF_REDIS(file)        ROW("broker.redis." #file, redis_##file)
#define ROW_OF_SCRIPT(file)       ROW("broker.redis.scripts." #file, script_##file)
#define ROW_OF_FILE(name, path)   ROW(#name, name)
    ROW("api", api) EMBEDDED_MODULES(ROW_OF_MODULE) EMBEDDED_BROKER(ROW_OF_MODULE)
        EMBEDDED_PROGRAM(ROW_OF_MODULE) EMBEDDED_REDIS(ROW_OF_REDIS) EMBEDDED_SCRIPTS(ROW_OF_SCRIPT)
            EMBEDDED_PAGE(ROW_OF_FILE)};

static const char require_key = 0; /* its address is the key of `require` in the table of modules */

const char *embedded_find(const char *name, size_t *size) {
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    if (strcmp(files[i].name, name) != 0) continue;
    *size = (size_t)(files[i].end - files[i].start);
    return files[i].start;
  }
  return NULL;
}

int embedded_load_call(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_checkstring(L, 1);
  const char *source = embedded_find(name, &size);
  if (!source) return luaL_error(L, "no embedded file '%s'", name);
  lua_pushfstring(L, "=manymoons/%s.lua", luaL_gsub(L, name, ".", "/"));
  if (luaL_loadbuffer(L, source, size, lua_tostring(L, -1))) return lua_error(L);
  return 1;
}

/* require(name) → the module's result. Upvalues: the native table, and the table of results by
 * name, in which a module that is being loaded is `false`. [-0, +1, raises] */
static int require(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  lua_rawget(L, lua_upvalueindex(2));
  if (lua_toboolean(L, -1)) return 1;
  if (!lua_isnil(L, -1)) return luaL_error(L, "embedded module '%s' requires itself", lua_tostring(L, 1));
  lua_pushvalue(L, 1);
  lua_pushboolean(L, false);
  lua_rawset(L, lua_upvalueindex(2));
  lua_pushcfunction(L, embedded_load_call);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_rawgetp(L, lua_upvalueindex(2), &require_key);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 2, 1);
  if (lua_isnil(L, -1)) lua_pushboolean(L, true);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_rawset(L, lua_upvalueindex(2));
  return 1;
}

void embedded_push_require(lua_State *L) {
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_insert(L, -3);
  lua_pushcclosure(L, require, 2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, -3, &require_key);
  lua_remove(L, -2);
}

int embedded_text_call(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_checkstring(L, 1);
  const char *text = embedded_find(name, &size);
  if (!text) return luaL_error(L, "no embedded file '%s'", name);
  lua_pushlstring(L, text, size);
  return 1;
}
