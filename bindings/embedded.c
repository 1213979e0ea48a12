/* SPDX-License-Identifier: MIT */
/* See base/embed.h. */
#include "embedded.h"

#include <string.h>

#include "base/embed.h"

#define EMBED(name) EMBED_FILE(name, "bindings/lua/" #name ".lua")

#define EMBEDDED(x)                                                                                    \
  x(api) x(process) x(connection) x(serial) x(sync) x(memory) x(listener) x(manager) x(manager_server) \
      x(manager_objects) x(wait) x(limits) x(cli_compare) x(cli_top)
#define EMBEDDED_ASYNC(x)                                                                              \
  x(schedulers) x(scheduler) x(waiters) x(fibers) x(task_sources) x(task_hosts) x(async) x(task_waits) \
      x(task_worker) x(task_meetings)
#define EMBEDDED_POOL(x)                                                                                \
  x(pool) x(pool_dispatch) x(pool_lists) x(pool_arguments) x(pool_runner) x(thread_pool) x(serial_pool) \
      x(future) x(progress)
#define EMBEDDED_ENGINE(x)                                                                          \
  x(engine) x(engine_connection) x(engine_wire) x(engine_dispatch) x(engine_queue) x(engine_worker) \
      x(engine_tasks) x(engine_run) x(engine_look) x(cli_worker) x(cli_pool)
/* What runs in the server. */
#define EMBEDDED_SCRIPTS(x)                                                             \
  x(submit, "bindings/engine/submit.lua") x(finish, "bindings/engine/finish.lua")       \
      x(beat, "bindings/engine/beat.lua") x(requeue, "bindings/engine/requeue.lua")     \
          x(cancel, "bindings/engine/cancel.lua") x(leave, "bindings/engine/leave.lua") \
              x(put, "bindings/engine/put.lua") x(take, "bindings/engine/take.lua")     \
                  x(give_back, "bindings/engine/give_back.lua") x(depth, "bindings/engine/depth.lua")
#define EMBEDDED_COMPARE(x)                                                                     \
  x(json) x(compare_plan) x(compare_measure) x(compare_judge) x(compare_text) x(compare_advice) \
      x(compare_timeline) x(compare_export) x(compare_page)
/* What the page of `manymoons compare --html` is made of. */
#define EMBEDDED_PAGE(x)                                                                             \
  x(uplot_js, "third_party/uplot/uPlot.iife.min.js") x(uplot_css, "third_party/uplot/uPlot.min.css") \
      x(page_html, "bindings/page/compare.html") x(page_css, "bindings/page/compare.css")            \
          x(page_bars, "bindings/page/bars.js") x(page_lanes, "bindings/page/lanes.js")              \
              x(page_timeline, "bindings/page/timeline.js") x(page_main, "bindings/page/main.js")

EMBEDDED(EMBED)
EMBEDDED_ASYNC(EMBED)
EMBEDDED_POOL(EMBED)
EMBEDDED_ENGINE(EMBED)
EMBEDDED_SCRIPTS(EMBED_FILE)
EMBEDDED_COMPARE(EMBED)
EMBEDDED_PAGE(EMBED_FILE)

static const struct {
  const char *name;
  const char *start;
  const char *end;
} files[] = {
#define ROW(name) {#name, embedded_##name##_start, embedded_##name##_end},
    EMBEDDED(ROW) EMBEDDED_ASYNC(ROW) EMBEDDED_POOL(ROW) EMBEDDED_ENGINE(ROW) EMBEDDED_COMPARE(ROW)
#define ROW_OF_FILE(name, path) ROW(name)
        EMBEDDED_PAGE(ROW_OF_FILE) EMBEDDED_SCRIPTS(ROW_OF_FILE)};

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
  lua_pushfstring(L, "=manymoons/%s.lua", name);
  if (luaL_loadbuffer(L, source, size, lua_tostring(L, -1))) return lua_error(L);
  return 1;
}

int embedded_text_call(lua_State *L) {
  size_t size = 0;
  const char *name = luaL_checkstring(L, 1);
  const char *text = embedded_find(name, &size);
  if (!text) return luaL_error(L, "no embedded file '%s'", name);
  lua_pushlstring(L, text, size);
  return 1;
}
