/* SPDX-License-Identifier: MIT */
#include "state/vm_hooks.h"

#include <errno.h>

#include "base/memory.h"
#include "state/vm_interrupt.h"

enum { SLICE = 1000, FIRST_CAPACITY = 8 };

/* A count hook of a script's: what it asked for, and how much of the count is left. */
struct user_hook {
  lua_State *of;
  lua_Hook hook;
  int mask;
  int count;
  int left;
};

struct user_hooks {
  size_t count;
  size_t capacity;
  struct user_hook list[];
};

static struct user_hook *find(const struct vm *vm, const lua_State *L) {
  for (size_t i = 0; vm->hooks && i < vm->hooks->count; i++)
    if (vm->hooks->list[i].of == L) return &vm->hooks->list[i];
  return NULL;
}

static void forget(const struct vm *vm, const lua_State *L) {
  struct user_hook *h = find(vm, L);
  if (h) *h = vm->hooks->list[--vm->hooks->count];
}

static status make_room(struct vm *vm) {
  struct user_hooks *old = vm->hooks;
  if (old && old->count < old->capacity) return STATUS_OK;
  const size_t capacity = old ? old->capacity * 2 : FIRST_CAPACITY;
  struct user_hooks *new = memory_alloc(sizeof *new + capacity * sizeof *new->list);
  if (!new) return -ENOMEM;
  new->capacity = capacity;
  new->count = old ? old->count : 0;
  for (size_t i = 0; i < new->count; i++) new->list[i] = old->list[i];
  memory_free(old);
  vm->hooks = new;
  return STATUS_OK;
}

static int next_slice(const struct user_hook *h) { return h->left < SLICE ? h->left : SLICE; }

static void poll_hook(lua_State *L, lua_Debug *ar);

static void count_a_slice(lua_State *L, lua_Debug *ar, struct user_hook *h) {
  h->left -= SLICE;
  const bool is_due = h->left <= 0;
  if (is_due) h->left = h->count;
  lua_sethook(L, poll_hook, h->mask, next_slice(h));
  if (is_due) h->hook(L, ar);
}

/* A state that inherited the hook from the one that made it has none of its own. */
static void poll_hook(lua_State *L, lua_Debug *ar) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  struct user_hook *h = find(vm, L);
  if (!h)
    lua_sethook(L, NULL, 0, 0);
  else if (ar->event == LUA_HOOKCOUNT)
    count_a_slice(L, ar, h);
  else
    h->hook(L, ar);
  if (vm_lock_is_asked(&vm->lock)) vm_make_way(L, vm);
  if (vm_should_stop(vm)) vm_raise_stop(L, vm);
}

bool hooks_poll(lua_State *L) { return lua_gethook(L) == poll_hook; }

/* ---- debug.sethook and debug.gethook --------------------------------------------------------- */

static lua_State *target_of(lua_State *L) { return lua_isthread(L, 1) ? lua_tothread(L, 1) : L; }

static int call_original(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* What Lua's own function has set is replaced, if it counts, by ours. */
static void take_over(lua_State *L, lua_State *target) {
  struct vm *vm = vm_of(L);
  forget(vm, target);
  if (!(lua_gethookmask(target) & LUA_MASKCOUNT)) return;
  if (make_room(vm)) luaL_error(L, "not enough memory");
  struct user_hook *h = &vm->hooks->list[vm->hooks->count++];
  const int count = lua_gethookcount(target);
  *h = (struct user_hook){target, lua_gethook(target), lua_gethookmask(target), count, count};
  lua_sethook(target, poll_hook, h->mask, next_slice(h));
}

static int debug_sethook(lua_State *L) {
  lua_State *target = target_of(L);
  const int results = call_original(L);
  take_over(L, target);
  return results;
}

static int debug_gethook(lua_State *L) {
  lua_State *target = target_of(L);
  const struct user_hook *h = hooks_poll(target) ? find(vm_of(L), target) : NULL;
  if (!h) return call_original(L);
  const struct user_hook copy = *h;
  lua_sethook(target, copy.hook, copy.mask, copy.count);
  const int results = call_original(L);
  lua_sethook(target, poll_hook, copy.mask, next_slice(&copy));
  return results;
}

static void wrap(lua_State *L, const char *name, lua_CFunction function) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

void hooks_install(lua_State *L) {
  lua_pushloaded(L);
  lua_getfield(L, -1, LUA_DBLIBNAME);
  if (lua_istable(L, -1)) {
    wrap(L, "sethook", debug_sethook);
    wrap(L, "gethook", debug_gethook);
  }
  lua_pop(L, 2);
}
