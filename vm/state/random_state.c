/* SPDX-License-Identifier: MIT */
#include "state/random_state.h"

#include <string.h>

#include "os/libc_random.h"

_Static_assert(sizeof(struct libc_random) <= RANDOM_STATE_MAX, "a state fits");

void random_state_read(const struct vm_random *r, uint8_t *state) {
  if (r->source == RANDOM_IS_OF_VM)
    memcpy(state, r->live, r->size);
  else
    libc_random_read_process((int32_t *)(void *)state);
}

void random_state_write(struct vm_random *r, const uint8_t *state) {
  if (r->source == RANDOM_IS_OF_VM)
    memcpy(r->live, state, r->size);
  else
    libc_random_write_process((const int32_t *)(const void *)state);
}

static uint8_t *place_of(struct vm *vm, struct vm_thread *t) { return t ? t->stream : vm->random.state; }

/* t: NULL for the VM's own. */
static void give_to(struct vm *vm, struct vm_thread *t) {
  if (vm->random.owner == t) return;
  random_state_read(&vm->random, place_of(vm, vm->random.owner));
  random_state_write(&vm->random, place_of(vm, t));
  vm->random.owner = t;
}

void random_state_follow(struct vm *vm, struct vm_thread *t) { give_to(vm, t->has_stream ? t : NULL); }

void random_state_begin(struct vm *vm, struct vm_thread *t) {
  if (!t->has_stream) random_state_read(&vm->random, vm->random.state);
  t->has_stream = true;
  vm->random.owner = t;
}

void random_state_end(struct vm *vm, struct vm_thread *t) {
  t->has_stream = false;
  random_state_follow(vm, t);
}

void random_state_forget(struct vm *vm, struct vm_thread *t) {
  t->has_stream = false;
  vm->random.owner = NULL;
}
