/* SPDX-License-Identifier: MIT */
#include "state/vm_thread.h"

#include <stdio.h>
#include <string.h>

#include "state/random_state.h"
#include "trace/trace.h"

/* For the signal handlers; listed in vm/README.md. A VM of a host that another thread closes leaves `bound` behind
 * here: its number tells it from a later VM at the same address, and its memory stays (vm.c). */
static _Thread_local struct vm_thread *bound;
static _Thread_local const struct vm *bound_vm;
static _Thread_local uint32_t bound_number;

static void bind_to(struct vm_thread *t, const struct vm *vm) {
  bound = t;
  bound_vm = vm;
  bound_number = vm ? vm->number : 0;
}

void vm_bind_thread(struct vm *vm) {
  bind_to(vm ? &vm->main : NULL, vm);
  if (vm) lock_user_is_here(&vm->main.user);
  account_use(vm ? &vm->shared_account : NULL);
  trace_thread_runs_vm(vm ? vm->number : 0);
}

void vm_thread_init(struct vm_thread *t, struct vm *vm, lua_State *L) {
  memset(t, 0, sizeof *t);
  lock_user_init(&t->user);
  t->vm = vm;
  t->base = L;
  atomic_store(&t->running, L);
  bytes_init(&t->inbox);
}

void vm_thread_fini(struct vm_thread *t) {
  ring_message_done(&t->message);
  bytes_fini(&t->inbox);
}

void vm_thread_add(struct vm_thread *t) {
  vm_live_lock();
  t->next = t->vm->others;
  t->vm->others = t;
  vm_live_unlock();
  t->vm->threads++;
}

void vm_thread_remove(struct vm_thread *t) {
  vm_live_lock();
  struct vm_thread **place = &t->vm->others;
  while (*place != t) place = &(*place)->next;
  *place = t->next;
  vm_live_unlock();
  t->has_stream = false;
  random_state_follow(t->vm, t);
  t->vm->threads--;
}

void vm_thread_name(struct vm_thread *t, const char *name, const char *world) {
  vm_live_lock();
  snprintf(t->name, sizeof t->name, "%s", name);
  snprintf(t->world, sizeof t->world, "%s", world);
  atomic_store(&t->sampled.root, 0);
  vm_live_unlock();
}

void vm_bind_other_thread(struct vm_thread *t) {
  bind_to(t, t->vm);
  t->user.number = thread_kernel_id();
  account_use(&t->vm->shared_account);
  trace_thread_runs_vm(t->vm->number);
}

void vm_forget_thread(const struct vm *vm) {
  if (bound_vm == vm) bind_to(NULL, NULL);
}

void vm_thread_follow(struct vm *vm) {
  if (vm_thread_is_bound(vm) && thread_is_current(&vm->main.user.thread)) return;
  if (atomic_load(&vm->main.user.number) == thread_kernel_id()) return;
  lock_user_is_here(&vm->main.user);
  if (!vm_thread_is_bound(vm) && vm_thread_is_free()) vm_bind_thread(vm);
}

bool vm_thread_is_bound(const struct vm *vm) { return bound_vm == vm && bound_number == vm->number; }

bool vm_thread_is_free(void) { return !bound || !vm_is_live(bound_number); }

struct vm_thread *vm_self(struct vm *vm) {
  return vm_thread_is_bound(vm) ? bound : &vm->main;
}

struct vm_thread *vm_thread_bound(void) {
  return bound_vm && bound_vm->number == bound_number ? bound : NULL;
}
