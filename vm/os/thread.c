/* SPDX-License-Identifier: MIT */
/* POSIX threads; the entry record is handed over on the heap and freed by the new thread. */
#include "os/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/memory.h"

enum { STACK_LEAST = 1 << 20, STACK_MOST = 8 << 20, NAME_MAX_SHOWN = 16 };

struct entry_record {
  void (*entry)(void *);
  void *argument;
  char name[NAME_MAX_SHOWN];
};

static void *thread_main(void *argument) {
  const struct entry_record record = *(struct entry_record *)argument;
  memory_free(argument);
  thread_set_name(record.name);
  record.entry(record.argument);
  return NULL;
}

static status start_with_mask(struct thread *out, struct entry_record *record, size_t stack_size) {
  pthread_attr_t attributes;
  const int failed = pthread_attr_init(&attributes);
  if (failed) return -failed;
  (void)!pthread_attr_setstacksize(&attributes, stack_size); /* too small a size leaves the default */
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  const int result = pthread_create(&out->handle, &attributes, thread_main, record);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return -result;
}

status thread_start_with_stack(struct thread *out, void (*entry)(void *), void *argument, const char *name,
                               size_t stack_size) {
  struct entry_record *record = memory_alloc(sizeof *record);
  if (!record) return -ENOMEM;
  record->entry = entry;
  record->argument = argument;
  snprintf(record->name, sizeof record->name, "%s", name);
  const status st = start_with_mask(out, record, stack_size);
  if (st) memory_free(record);
  return st;
}

size_t thread_stack_size(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur > STACK_MOST) return STACK_MOST;
  return limit.rlim_cur < STACK_LEAST ? STACK_LEAST : (size_t)limit.rlim_cur;
}

/* Address space may be limited (ulimit -v): a smaller stack is better than no thread. */
status thread_start(struct thread *out, void (*entry)(void *), void *argument, const char *name) {
  const status st = thread_start_with_stack(out, entry, argument, name, thread_stack_size());
  if (st != -EAGAIN && st != -ENOMEM) return st;
  return thread_start_with_stack(out, entry, argument, name, STACK_LEAST);
}

void thread_join(struct thread *t) { pthread_join(t->handle, NULL); }
void thread_detach(struct thread *t) { pthread_detach(t->handle); }
struct thread thread_self(void) {
  return (struct thread){.handle = pthread_self()};
}
bool thread_is_current(const struct thread *t) { return pthread_equal(t->handle, pthread_self()); }

void thread_signal(const struct thread *t, int signal_number) { pthread_kill(t->handle, signal_number); }

status thread_on_fork(void (*in_child)(void)) { return -pthread_atfork(NULL, NULL, in_child); }
