/* SPDX-License-Identifier: MIT */
#include "state/sample.h"

#include "profile/writer.h"
#include "state/lua_compat.h"
#include "state/stack_walk.h"
#include "state/vm_thread.h"
#include "trace/trace.h"

bool sample_take_due(struct vm_thread *t, uint32_t us[PROFILE_STATE_COUNT]) {
  uint32_t sum = 0;
  for (int state = 0; state < PROFILE_STATE_COUNT; state++)
    sum += us[state] = atomic_exchange_explicit(&t->sampled.due_us[state], 0, memory_order_relaxed);
  return sum > 0;
}

void sample_note(const struct vm_thread *t, uint32_t stack, const uint32_t us[PROFILE_STATE_COUNT]) {
  profile_writer_add(stack, us);
  uint32_t all_us = 0;
  for (int state = 0; state < PROFILE_HOLDS; state++) all_us += us[state];
  trace_sample(t->user.number, stack, all_us, us[PROFILE_READY]);
}

bool sample_is_holder(const struct vm_thread *t) { return atomic_load(&t->vm->lock.owner) == &t->user; }

static uint64_t heap_of(const struct vm *vm) {
  lua_State *L = vm->state;
  return L ? (uint64_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 : 0;
}

/* A thread without a stack, as an idle VM of a C program has, is not counted. */
static void look_at(struct vm_thread *t, uint64_t heap) {
  uint32_t us[PROFILE_STATE_COUNT];
  struct profile_call calls[STACK_WALK_MOST];
  if (!sample_take_due(t, us)) return;
  const size_t count = stack_walk(t, calls);
  profile_writer_note_heap(atomic_load(&t->sampled.root), heap);
  const uint32_t stack = count ? profile_writer_stack(atomic_load(&t->sampled.root), calls, count) : 0;
  if (count) sample_note(t, stack, us);
  atomic_store(&t->sampled.stack, sample_is_holder(t) ? 0 : stack);
  atomic_store(&t->sampled.stack_taken_ns, atomic_load(&t->user.taken_ns));
}

void sample_all(struct vm *vm) {
  const uint64_t heap = heap_of(vm);
  look_at(&vm->main, heap);
  for (struct vm_thread *t = vm->others; t; t = t->next) look_at(t, heap);
}

void sample_answer(struct vm *vm) {
  if (!sample_is_asked(vm)) return;
  atomic_store(&vm->is_sampled, false);
  sample_all(vm);
}

bool sample_has_known_stack(const struct vm_thread *t) {
  return atomic_load(&t->sampled.stack) && !sample_is_holder(t) &&
         atomic_load(&t->sampled.stack_taken_ns) == atomic_load(&t->user.taken_ns);
}

/* ---- compiled loops -------------------------------------------------------------------------- */

/* See vm/README.md. */
static struct vm *_Atomic watched;

/* LuaJIT calls it on the VM's thread. */
static void look_at_compiled(void *context, lua_State *L, int samples, int state) NO_THREAD_SAFETY_ANALYSIS {
  struct vm *vm = context;
  struct vm_thread *t = vm_self(vm);
  (void)samples, (void)state;
  if (!sample_is_asked(vm) || !sample_is_holder(t)) return;
  lua_State *before = atomic_exchange(&t->running, L);
  sample_answer(vm);
  atomic_store(&t->running, before);
}

void sample_watch(lua_State *L, struct vm *vm, enum sample_watching how) {
  if (!lua_is_jit()) return;
  struct vm *expected = how == SAMPLE_WATCHED ? NULL : vm;
  struct vm *wanted = how == SAMPLE_WATCHED ? vm : NULL;
  if (!atomic_compare_exchange_strong(&watched, &expected, wanted)) return;
  atomic_store(&vm->is_watched, wanted == vm);
  if (wanted)
    lua_watch_compiled(L, look_at_compiled, vm);
  else
    lua_unwatch_compiled(L);
}

void sample_after_fork(struct vm *vm) {
  atomic_store(&watched, NULL);
  atomic_store(&vm->is_watched, false);
  atomic_store(&vm->is_sampled, false);
  vm->profile_word = 0;
  vm->main.sampled.generation = 0;
  atomic_store(&vm->main.sampled.root, 0);
}
