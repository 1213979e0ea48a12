/* SPDX-License-Identifier: MIT */
/* The lifetime and the memory accounting of a VM. vm_open.c opens its libraries, vm_interrupt.c
 * stops it. */
#include "state/vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/mutex.h"
#include "os/pages.h"
#include "shared/segment.h"
#include "state/error.h"
#include "state/lua_compat.h"
#include "state/random_state.h"
#include "state/sample.h"
#include "state/stop_point.h"
#include "state/vm_warn.h"
#include "trace/trace.h"

static const char registry_key = 'v'; /* its address is the key; never written */

/* ---- the allocator --------------------------------------------------------------------------- */

static void *resize(void *block, size_t size) {
  void *moved = realloc(block, size);
  if (moved && size >= PAGES_LARGE) pages_prefer_huge(moved, size);
  return moved;
}

static void *take(struct blocks *b, size_t size) {
  return blocks_have(size) ? blocks_take(b, size) : resize(NULL, size);
}

static void give(struct blocks *b, void *block, size_t size) {
  if (blocks_have(size))
    blocks_give(b, block, size);
  else
    free(block);
}

static bool has_room(size_t size, size_t wanted) {
  return blocks_have(size) && blocks_have(wanted) && (size - 1) / BLOCKS_STEP == (wanted - 1) / BLOCKS_STEP;
}

/* lua_Alloc without a limit. For a new block Lua passes a type as old_size. */
static void *vm_alloc(void *context, void *block, size_t old_size, size_t new_size) {
  struct blocks *b = &((struct vm *)context)->blocks;
  if (!block) return new_size ? take(b, new_size) : NULL;
  if (new_size && !blocks_have(old_size) && !blocks_have(new_size)) return resize(block, new_size);
  if (has_room(old_size, new_size)) return block;
  void *moved = new_size ? take(b, new_size) : NULL;
  if (new_size && !moved) return NULL;
  if (moved) memcpy(moved, block, old_size < new_size ? old_size : new_size);
  give(b, block, old_size);
  return moved;
}

/* The account of a VM that counts its memory: it has a limit, or an allocator other than the C
 * library's. Protected by the VM lock. */
struct vm_account {
  struct vm *vm;
  size_t used;
  size_t peak;
  size_t limit;
  lua_Alloc alloc;
  void *context;
};

enum { LARGE = 1 << 15 }; /* bytes of a block whose copying or freeing takes microseconds */

/* lua_Alloc with counting. */
static void *vm_alloc_counting(void *context, void *block, size_t old_size, size_t new_size) {
  struct vm_account *a = context;
  const size_t before = block ? old_size : 0;
  const size_t used = a->used - before + new_size;
  if (new_size > before && used > a->limit) return NULL;
  void *moved = a->alloc(a->context, block, old_size, new_size);
  if (!moved && new_size) return NULL;
  a->used = used;
  if (used > a->peak) a->peak = used;
  if ((new_size >= LARGE || before >= LARGE) && a->vm->polling.look_soon) a->vm->polling.look_soon(a->vm);
  return moved;
}

void vm_limit_memory(struct vm *vm, size_t bytes) {
  if (vm->account) vm->account->limit = bytes ? bytes : SIZE_MAX;
  vm->shared_account.limit = bytes ? bytes : UINT64_MAX;
}

status vm_limit_shared_memory(struct vm *vm, size_t bytes) {
  return segment_open_account(bytes, &vm->shared_account);
}

bool vm_has_limit(const struct vm *vm) { return vm->account && vm->account->limit != SIZE_MAX; }

struct vm_memory vm_memory_of(struct vm *vm) {
  if (vm->account) return (struct vm_memory){vm->account->used, vm->account->peak};
  lua_State *L = vm->state;
  return (struct vm_memory){(size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0), 0};
}

/* ---- which VM is this? ----------------------------------------------------------------------- */

struct vm *vm_of(lua_State *L) {
  void *context = NULL;
  const lua_Alloc alloc = lua_getallocf(L, &context);
  if (alloc == vm_alloc) return context;
  if (alloc == vm_alloc_counting) return ((struct vm_account *)context)->vm;
  lua_pushlightuserdata(L, (void *)(uintptr_t)&registry_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  struct vm *const *place = lua_touserdata(L, -1);
  lua_pop(L, 1);
  struct vm *vm = place ? *place : NULL;
  if (vm && vm_self(vm) == &vm->main && vm->threads > 1) vm_thread_follow(vm);
  return vm;
}

/* ---- making and closing ---------------------------------------------------------------------- */

static struct mutex live_lock = MUTEX_INITIALIZER;
static struct vm *live;  /* all VMs, by `next_live`; live_lock protects it, … */
static unsigned coming;  /* … and how many are about to be made … */
static struct vm *spare; /* … and the memory of a host's that have ended */

void vm_live_lock(void) NO_THREAD_SAFETY_ANALYSIS { mutex_lock(&live_lock); }
void vm_live_unlock(void) NO_THREAD_SAFETY_ANALYSIS { mutex_unlock(&live_lock); }
struct vm *vm_live_first(void) {
  return live;
}

void vm_live_after_fork(void) { mutex_init(&live_lock); }

static void enter_live(struct vm *vm) {
  vm_live_lock();
  vm->next_live = live;
  live = vm;
  vm_live_unlock();
}

static void leave_live(const struct vm *vm) {
  vm_live_lock();
  struct vm **place = &live;
  while (*place && *place != vm) place = &(*place)->next_live;
  if (*place) *place = vm->next_live;
  vm_live_unlock();
}

void vm_live_expect(void) {
  vm_live_lock();
  coming++;
  vm_live_unlock();
}

void vm_live_has_come(void) {
  vm_live_lock();
  coming--;
  vm_live_unlock();
}

unsigned vm_live_threads(void) {
  vm_live_lock();
  unsigned count = coming;
  for (const struct vm *vm = live; vm; vm = vm->next_live) {
    count++;
    for (const struct vm_thread *t = vm->others; t; t = t->next) count++;
  }
  vm_live_unlock();
  return count;
}

bool vm_is_live(uint32_t number) {
  vm_live_lock();
  const struct vm *vm = live;
  while (vm && vm->number != number) vm = vm->next_live;
  vm_live_unlock();
  return vm != NULL;
}

static void vm_init(struct vm *vm, lua_State *L) {
  vm->state = L;
  vm->threads = 1;
  vm_lock_init(&vm->lock);
  vm->number = trace_number_vm();
  trace_thread_runs_vm(vm->number);
  vm_thread_init(&vm->main, vm, L);
  enter_live(vm);
}

static void vm_fini(struct vm *vm) {
  vm_forget_thread(vm);
  leave_live(vm);
  vm_thread_fini(&vm->main);
  vm_lock_fini(&vm->lock);
  memory_free(vm->hooks);
  memory_free(vm->stop_place);
  memory_free(vm->account);
  blocks_fini(&vm->blocks);
}

/* The memory of a host's VM stays, for the next one: a thread of the host that is bound to it, and is not the one that
 * closes it, may get a signal at any time, and its handler looks at the number. */
static void keep_as_spare(struct vm *vm) {
  vm_live_lock();
  vm->number = 0;
  vm->next_live = spare;
  spare = vm;
  vm_live_unlock();
}

static struct vm *take_spare(void) {
  vm_live_lock();
  struct vm *vm = spare;
  if (vm) spare = vm->next_live;
  vm_live_unlock();
  if (vm) memset(vm, 0, sizeof *vm);
  return vm;
}

static lua_State *new_state(struct vm *vm) {
  lua_State *L = vm->account ? lua_newbare(vm_alloc_counting, vm->account) : lua_newbare(vm_alloc, vm);
  if (L) vm_warn_install(L);
  return L;
}

/* Without the limit, which vm_limit_memory sets later: LuaJIT's lua_newstate crashes if an
 * allocation fails half-way (2.1.0-beta3, 2026). */
static status make_account(struct vm *vm, const struct vm_options *o) {
  if (!o->memory_limit && !o->alloc && !o->counts_memory) return STATUS_OK;
  vm->account = memory_alloc(sizeof *vm->account);
  if (!vm->account) return -ENOMEM;
  *vm->account = (struct vm_account){.vm = vm,
                                     .limit = SIZE_MAX,
                                     .alloc = o->alloc ? o->alloc : vm_alloc,
                                     .context = o->alloc ? o->alloc_context : vm};
  return STATUS_OK;
}

status vm_make(struct vm **out, const struct vm_options *o) {
  struct vm *vm = memory_alloc(sizeof *vm);
  if (!vm) return -ENOMEM;
  status st = make_account(vm, o);
  lua_State *L = st == STATUS_OK ? new_state(vm) : NULL;
  if (!L) {
    blocks_fini(&vm->blocks);
    memory_free(vm->account);
    memory_free(vm);
    return -ENOMEM;
  }
  vm_init(vm, L);
  STOP_POINT("vm.made");
  *out = vm;
  return STATUS_OK;
}

/* While a thread that could not be stopped is in the VM, the state stays until the process ends. */
void vm_close(struct vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  if (vm->threads > 1) {
    vm_leave(vm);
    return;
  }
  STOP_POINT("vm.closes");
  segment_close_account(&vm->shared_account); /* the state may be the segment's last user */
  if (vm->is_watched) sample_watch(vm->state, vm, SAMPLE_UNWATCHED);
  lua_close(vm->state);
  STOP_POINT("vm.is_closed");
  vm->state = NULL;
  vm_leave(vm);
  STOP_POINT("vm.is_left");
  vm_fini(vm);
  memory_free(vm);
}

/* ---- the lock -------------------------------------------------------------------------------- */

static void append_level(char *text, size_t size, lua_State *L, lua_Debug *ar) {
  const size_t length = strlen(text);
  lua_getinfo(L, "Sl", ar);
  if (ar->currentline > 0)
    snprintf(text + length, size - length, "%s%s:%d", length ? " < " : "", ar->short_src, ar->currentline);
  else
    snprintf(text + length, size - length, "%s[C]", length ? " < " : "");
}

/* Called before the lock is left: records where in the script the longest hold so far ended, if it
 * is long enough to report. Allocates nothing. */
static void note_long_hold(struct vm *vm, lua_State *L, const struct vm_thread *t) {
  enum { LEVELS = 8, REPORTED_NS = 1000 * 1000 };
  if (vm->threads == 1) return;
  const int64_t held_ns = clock_now_ns() - atomic_load_explicit(&t->user.taken_ns, memory_order_relaxed);
  if (held_ns < REPORTED_NS || held_ns <= vm->longest_seen_ns) return;
  vm->longest_seen_ns = held_ns;
  vm->longest[0] = '\0';
  lua_Debug ar;
  for (int level = 0; level < LEVELS && lua_getstack(L, level, &ar); level++)
    append_level(vm->longest, sizeof vm->longest, L, &ar);
}

void vm_leave(struct vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  struct vm_thread *t = vm_self(vm);
  if (vm->state) note_long_hold(vm, atomic_load_explicit(&t->running, memory_order_relaxed), t);
  vm_lock_drop(&vm->lock, &t->user);
}

void vm_enter(struct vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  struct vm_thread *t = vm_self(vm);
  vm_lock_take(&vm->lock, &t->user);
  random_state_follow(vm, t);
}

void vm_return(lua_State *L, struct vm *vm) NO_THREAD_SAFETY_ANALYSIS {
  vm_enter(vm);
  lua_become_current(L);
}

void vm_make_way(lua_State *L, struct vm *vm) {
  struct vm_thread *t = vm_self(vm);
  note_long_hold(vm, L, t);
  vm_lock_make_way(&vm->lock, &t->user);
  random_state_follow(vm, t);
  lua_become_current(L);
}

/* ---- adopting -------------------------------------------------------------------------------- */

/* While the closing host waits for the VM's threads, one of them may run the finalizers that are left (LuaJIT, 5.1):
 * the VM then stays for as long as the process. */
static int adopted_gc(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct vm **place = lua_touserdata(L, 1);
  if (!*place || (*place)->threads > 1) return 0;
  if ((*place)->is_watched) sample_watch(L, *place, SAMPLE_UNWATCHED);
  (*place)->state = NULL; /* which the host closes */
  vm_leave(*place);
  vm_fini(*place);
  keep_as_spare(*place);
  *place = NULL;
  return 0;
}

static void anchor(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, adopted_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&registry_key);
  lua_insert(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

struct vm *vm_adopt(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct vm *vm = vm_of(L);
  if (vm) return vm;
  struct vm **place = lua_newuserdata(L, sizeof(struct vm *));
  *place = NULL;
  anchor(L);
  vm = take_spare();
  if (!vm) vm = memory_alloc(sizeof *vm);
  if (!vm) error_raise_memory(L);
  *place = vm;
  vm_init(vm, lua_mainstate(L));
  vm->is_adopted = true;
  vm_enter(vm);
  return vm;
}
