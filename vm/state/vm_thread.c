/* SPDX-License-Identifier: MIT */
#include "state/vm_thread.h"

#include <string.h>

#include "trace/trace.h"

static _Thread_local struct vm_thread *bound; /* for the signal handlers; listed in vm/README.md */

void vm_bind_thread(struct vm *vm) {
  bound = vm ? &vm->main : NULL;
  if (vm) vm->main.user.thread = thread_self();
  account_use(vm ? &vm->shared_account : NULL);
  trace_thread_runs_vm(vm ? vm->number : 0);
}

void vm_thread_init(struct vm_thread *t, struct vm *vm, lua_State *L) {
  memset(t, 0, sizeof *t);
  lock_user_init(&t->user);
  t->vm = vm;
  atomic_store(&t->running, L);
  bytes_init(&t->inbox);
}

void vm_thread_fini(struct vm_thread *t) {
  ring_message_done(&t->message);
  bytes_fini(&t->inbox);
}

void vm_thread_add(struct vm_thread *t) {
  t->next = t->vm->others;
  t->vm->others = t;
  t->vm->threads++;
}

void vm_thread_remove(struct vm_thread *t) {
  struct vm_thread **place = &t->vm->others;
  while (*place != t) place = &(*place)->next;
  *place = t->next;
  t->vm->threads--;
}

void vm_bind_other_thread(struct vm_thread *t) {
  bound = t;
  account_use(&t->vm->shared_account);
  trace_thread_runs_vm(t->vm->number);
}

void vm_forget_thread(const struct vm *vm) {
  if (bound && bound->vm == vm) bound = NULL;
}

struct vm_thread *vm_self(struct vm *vm) {
  return bound && bound->vm == vm ? bound : &vm->main;
}

struct vm_thread *vm_thread_bound(void) {
  return bound;
}
