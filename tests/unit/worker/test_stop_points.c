/* SPDX-License-Identifier: MIT */
/* A worker in this process is stopped, and the program ends, at each point of the opening and the closing of its
 * VM (state/stop_point.h): the worker is gone then, and the next one works.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "library.h"
#include "state/lua_compat.h"
#include "state/stop_point.h"
#include "state/vm_interrupt.h"

#if defined(MM_STOP_POINTS)

enum { POINTS_MOST = 200, POINTS_LEAST = 10 };

/* What happens at the point. */
enum deed {
  LATER,   /* the main thread does something while the worker's waits for it */
  AT_ONCE, /* the worker's thread is asked to stop: it has the lock for which the main thread would wait */
};

static struct {
  pthread_t main;
  enum deed deed;
  _Atomic long countdown; /* points until the one that counts; 0: none */
  _Atomic bool is_reached;
  _Atomic bool is_released;
  const char *_Atomic name;
} test;

static void pause_shortly(void) {
  const struct timespec some = {.tv_nsec = 200 * 1000};
  nanosleep(&some, NULL);
}

/* The main thread may wait for the worker's meanwhile, so this ends by itself. */
static void wait_for_main(void) {
  enum { PAUSES_MOST = 50 };
  for (int i = 0; i < PAUSES_MOST && !atomic_load(&test.is_released); i++) pause_shortly();
}

/* Points of a thread before it has the lock of the VM. */
static bool is_before_lock(const char *name) {
  return strcmp(name, "thread.bound") == 0 || strcmp(name, "thread.listens") == 0;
}

static void at_point(const char *name) {
  if (pthread_equal(pthread_self(), test.main) || atomic_load(&test.countdown) == 0) return;
  if (atomic_fetch_sub(&test.countdown, 1) != 1) return;
  atomic_store(&test.name, name);
  atomic_store(&test.is_reached, true);
  struct vm_thread *self = vm_thread_bound();
  if (test.deed == LATER || !self || is_before_lock(name)) {
    wait_for_main();
  } else {
    atomic_store(&self->exit_code, -SIGTERM);
    vm_thread_interrupt(self, VM_STOP_TERMINATE);
  }
}

static int is_reached(lua_State *L) {
  lua_pushboolean(L, atomic_load(&test.is_reached));
  return 1;
}

static int go_on(lua_State *L) {
  (void)L;
  atomic_store(&test.is_released, true);
  return 0;
}

/* Each returns a function that brings a worker to the point and stops it. Without that it returns while the worker
 * is there, and the program ends. */
#define PROCESS(stop)                                                 \
  "local p = mm.Process(function() return 1 end)\n"                   \
  "p:start()\n"                                                       \
  "while not is_reached() and p:is_alive() do mm.sleep(0.0002) end\n" \
  "if ends then return end\n"                                         \
  "p:" stop                                                           \
  "()\n"                                                              \
  "go_on()\n"                                                         \
  "assert(p:join(60))\n"                                              \
  "assert(p.exitcode == 0 or p.exitcode == -15 or p.exitcode == -9, p.exitcode)\n"

static const char *const scenes[] = {
    PROCESS("terminate"),
    PROCESS("kill"),
    "local pool = mm.Pool(1)\n"
    "local future, is_closed = pool:submit(function() return 1 end), false\n"
    "future:on_done(function() end)\n"
    "while not is_reached() do\n"
    "  if not is_closed and future:ready() then\n"
    "    is_closed = true\n"
    "    pool:close()\n"
    "  end\n"
    "  if is_closed and pool:join(0.001) then break end\n"
    "  mm.sleep(0.0002)\n"
    "end\n"
    "if ends then return end\n"
    "pool:terminate()\n"
    "go_on()\n",
};

static const char again[] =
    "local pool = mm.Pool(1)\n"
    "assert(pool:apply(function(x) return x end, 'fine') == 'fine')\n"
    "pool:terminate()\n";

static void run(lua_State *L, const char *text) {
  if (luaL_dostring(L, text) == 0) return;
  fprintf(stderr, "at %s: %s\n", atomic_load(&test.name), lua_tostring(L, -1));
  CHECK(false);
}

static lua_State *open_state(const char *world) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_pushcfunction(L, luaopen_manymoons);
  lua_call(L, 0, 1);
  lua_setglobal(L, "mm");
  lua_register(L, "is_reached", is_reached);
  lua_register(L, "go_on", go_on);
  lua_pushstring(L, world);
  lua_setglobal(L, "world");
  run(L, "mm.set_world(world)");
  return L;
}

/* False: there are fewer points. */
static bool reach(lua_State *L, const char *scene, long point) {
  atomic_store(&test.is_released, false);
  atomic_store(&test.is_reached, false);
  atomic_store(&test.name, "no point");
  atomic_store(&test.countdown, point);
  run(L, scene);
  return atomic_load(&test.is_reached);
}

static void stop_at_each_point(const char *world, enum deed deed) {
  test.deed = deed;
  lua_State *L = open_state(world);
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
    long point = 1;
    for (; reach(L, scenes[i], point); point++) {
      CHECK(point < POINTS_MOST);
      atomic_store(&test.countdown, 0);
      run(L, again);
    }
    CHECK(point > POINTS_LEAST);
  }
  atomic_store(&test.countdown, 0);
  lua_close(L);
}

/* The next program works. */
static void end_at_each_point(const char *world) {
  test.deed = LATER;
  for (size_t i = 1; i < sizeof scenes / sizeof *scenes; i++) {
    bool was_reached = true;
    for (long point = 1; was_reached; point++) {
      CHECK(point < POINTS_MOST);
      lua_State *L = open_state(world);
      lua_pushboolean(L, true);
      lua_setglobal(L, "ends");
      was_reached = reach(L, scenes[i], point);
      lua_close(L);
    }
  }
}

int main(void) {
  test.main = pthread_self();
  stop_point_on(at_point);
  stop_at_each_point("interpreters", LATER);
  stop_at_each_point("interpreters", AT_ONCE);
  stop_at_each_point("threads", AT_ONCE);
  end_at_each_point("interpreters");
  end_at_each_point("threads");
  return 0;
}

#else
int main(void) { return 0; }
#endif
