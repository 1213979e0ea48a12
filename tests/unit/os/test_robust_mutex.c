/* SPDX-License-Identifier: MIT */
/* A mutex whose holder dies is abandoned, once; and the death wakes those that watch for it. */
#include "os/robust_mutex.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "os/thread.h"

enum { THREADS = 6, HOLDS = 3000 };

/* Shared by the processes. */
static struct scene {
  struct robust_mutex mutex, other;
  _Atomic int is_held;
  _Atomic int may_die;
  int64_t count; /* under the mutex */
} * shared;

static void lock_clean(void) { CHECK_EQ(robust_mutex_lock(&shared->mutex), ROBUST_CLEAN); }
static void unlock(void) { robust_mutex_unlock(&shared->mutex); }

static void begin(void) {
  robust_mutex_init(&shared->mutex);
  atomic_store(&shared->is_held, 0);
  atomic_store(&shared->may_die, 0);
  shared->count = 0;
}

/* Starts a process that takes the mutex, and that is killed with it when it may die. Returns when
 * the process holds it. */
static pid_t start_holder(void) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    lock_clean();
    atomic_store(&shared->is_held, 1);
    while (!atomic_load(&shared->may_die)) sched_yield();
    raise(SIGKILL);
  }
  while (!atomic_load(&shared->is_held)) sched_yield();
  return pid;
}

static void reap(pid_t pid) {
  atomic_store(&shared->may_die, 1);
  CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* A repaired mutex works as before. */
static void check_abandoned_once(void) {
  CHECK(robust_mutex_is_abandoned(&shared->mutex));
  CHECK_EQ(robust_mutex_lock(&shared->mutex), ROBUST_ABANDONED);
  CHECK(!robust_mutex_is_abandoned(&shared->mutex));
  unlock();
  lock_clean();
  unlock();
}

static void a_mutex_that_is_unlocked_is_clean_for_the_next(void) {
  begin();
  for (int i = 0; i < 3; i++) {
    lock_clean();
    CHECK(!robust_mutex_is_abandoned(&shared->mutex));
    unlock();
  }
}

static void a_mutex_is_abandoned_when_its_process_is_killed(void) {
  for (int i = 0; i < 3; i++) {
    if (i == 0) begin();
    atomic_store(&shared->is_held, 0);
    atomic_store(&shared->may_die, 0);
    reap(start_holder());
    check_abandoned_once();
  }
}

static void lock_and_end(void *unused) {
  (void)unused;
  lock_clean();
}

static void a_mutex_is_abandoned_when_its_thread_ends(void) {
  struct thread t;
  begin();
  CHECK_EQ(thread_start(&t, lock_and_end, NULL, "holder"), STATUS_OK);
  thread_join(&t);
  check_abandoned_once();
}

/* A holder that dies before it has repaired leaves the mutex abandoned again. */
static void a_mutex_is_abandoned_until_it_is_repaired(void) {
  begin();
  reap(start_holder());
  const pid_t pid = fork();
  if (pid == 0) {
    CHECK_EQ(robust_mutex_lock(&shared->mutex), ROBUST_ABANDONED);
    raise(SIGKILL);
  }
  CHECK_EQ(waitpid(pid, NULL, 0), pid);
  check_abandoned_once();
}

static void the_death_of_the_holder_wakes_a_sleeper(void) {
  uint32_t expected = 0;
  begin();
  CHECK(!robust_mutex_watch(&shared->mutex, &expected)); /* free */
  const pid_t pid = start_holder();
  CHECK(robust_mutex_watch(&shared->mutex, &expected));
  CHECK_EQ(atomic_load(robust_mutex_word(&shared->mutex)), expected); /* the kernel will wake */
  CHECK(robust_mutex_watch(&shared->mutex, &expected));               /* and a second sleeper */
  atomic_store(&shared->may_die, 1);
  while (atomic_load(robust_mutex_word(&shared->mutex)) == expected)
    if (futex_wait(robust_mutex_word(&shared->mutex), expected, deadline_never())) continue;
  reap(pid);
  CHECK(!robust_mutex_watch(&shared->mutex, &expected));
  check_abandoned_once();
}

/* The child is asleep when the parent unlocks. */
static void an_unlock_wakes_a_process_that_sleeps(void) {
  begin();
  lock_clean();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    lock_clean();
    unlock();
    _exit(0);
  }
  while (!(atomic_load(robust_mutex_word(&shared->mutex)) & FUTEX_WAITERS)) sched_yield();
  unlock();
  int how = -1;
  CHECK_EQ(waitpid(pid, &how, 0), pid);
  CHECK_EQ(how, 0);
}

static void count_up(void *unused) {
  (void)unused;
  for (int i = 0; i < HOLDS; i++) {
    lock_clean();
    const int64_t seen = shared->count;
    if (i % 64 == 0) sched_yield();
    shared->count = seen + 1;
    unlock();
  }
}

static void threads_and_processes_exclude_one_another(void) {
  struct thread threads[THREADS];
  begin();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    count_up(NULL);
    _exit(0);
  }
  for (int i = 0; i < THREADS; i++) CHECK_EQ(thread_start(&threads[i], count_up, NULL, "counter"), STATUS_OK);
  for (int i = 0; i < THREADS; i++) thread_join(&threads[i]);
  CHECK_EQ(waitpid(pid, NULL, 0), pid);
  CHECK_EQ(shared->count, (THREADS + 1) * HOLDS);
}

/* A peer changes the pointers in mutexes that another process holds, among them those of the host. */
static void no_pointer_in_the_mutex_is_followed(void) {
  pthread_mutexattr_t robust;
  CHECK_EQ(pthread_mutexattr_init(&robust), 0);
  CHECK_EQ(pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST), 0);
  pthread_mutex_t before, between, after;
  CHECK_EQ(pthread_mutex_init(&before, &robust), 0);
  CHECK_EQ(pthread_mutex_init(&between, &robust), 0);
  CHECK_EQ(pthread_mutex_init(&after, &robust), 0);
  begin();
  robust_mutex_init(&shared->other);
  for (unsigned order = 0; order < 4; order++) {
    CHECK_EQ(pthread_mutex_lock(&before), 0);
    lock_clean();
    CHECK_EQ(pthread_mutex_lock(&between), 0);
    CHECK_EQ(robust_mutex_lock(&shared->other), ROBUST_CLEAN);
    CHECK_EQ(pthread_mutex_lock(&after), 0);
    if (order & 1) CHECK_EQ(pthread_mutex_unlock(&after), 0);
    memset(&shared->mutex.previous, 0xff, 2 * sizeof(void *));
    memset(&shared->other.previous, 0xf7, 2 * sizeof(void *));
    if (order & 2) unlock();
    robust_mutex_unlock(&shared->other);
    if (!(order & 2)) unlock();
    CHECK_EQ(pthread_mutex_unlock(&between), 0);
    if (!(order & 1)) CHECK_EQ(pthread_mutex_unlock(&after), 0);
    CHECK_EQ(pthread_mutex_unlock(&before), 0);
  }
  reap(start_holder());
  check_abandoned_once();
  CHECK_EQ(pthread_mutex_destroy(&before), 0);
  CHECK_EQ(pthread_mutex_destroy(&between), 0);
  CHECK_EQ(pthread_mutex_destroy(&after), 0);
  CHECK_EQ(pthread_mutexattr_destroy(&robust), 0);
}

/* A forked child holds nothing of its parent, and its own mutexes outlive it. */
static void a_forked_child_has_a_list_of_its_own(void) {
  begin();
  robust_mutex_init(&shared->other);
  CHECK_EQ(robust_mutex_lock(&shared->other), ROBUST_CLEAN);
  reap(start_holder());
  CHECK(!robust_mutex_is_abandoned(&shared->other));
  check_abandoned_once();
  robust_mutex_unlock(&shared->other);
}

/* As a thread that ends with several mutexes: the kernel finds all by the pointers in them. */
static void all_that_a_thread_held_are_abandoned(void) {
  begin();
  robust_mutex_init(&shared->other);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    for (int i = 0; i < 5; i++) {
      lock_clean();
      CHECK_EQ(robust_mutex_lock(&shared->other), ROBUST_CLEAN);
      if (i == 4) raise(SIGKILL);
      unlock();
      robust_mutex_unlock(&shared->other);
    }
  }
  CHECK_EQ(waitpid(pid, NULL, 0), pid);
  CHECK(robust_mutex_is_abandoned(&shared->other));
  CHECK_EQ(robust_mutex_lock(&shared->other), ROBUST_ABANDONED);
  robust_mutex_unlock(&shared->other);
  check_abandoned_once();
}

int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  a_mutex_that_is_unlocked_is_clean_for_the_next();
  a_mutex_is_abandoned_when_its_process_is_killed();
  a_mutex_is_abandoned_when_its_thread_ends();
  a_mutex_is_abandoned_until_it_is_repaired();
  the_death_of_the_holder_wakes_a_sleeper();
  an_unlock_wakes_a_process_that_sleeps();
  threads_and_processes_exclude_one_another();
  no_pointer_in_the_mutex_is_followed();
  a_forked_child_has_a_list_of_its_own();
  all_that_a_thread_held_are_abandoned();
  return 0;
}
