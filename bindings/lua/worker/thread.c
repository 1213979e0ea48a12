/* SPDX-License-Identifier: MIT */
#include "worker/thread.h"

#include "base/memory.h"
#include "state/vm_interrupt.h"

void thread_worker_interrupt(struct thread_worker *t, enum vm_stop why, int exit_code) {
  atomic_store(&t->self.exit_code, exit_code);
  vm_thread_interrupt(&t->self, why);
}

void thread_worker_join(struct thread_worker *t) {
  thread_join(&t->thread);
  memory_free(t);
}
