/* SPDX-License-Identifier: MIT */
/* /proc/PID/task/TID/schedstat: the times on and waiting for a processor, in nanoseconds. The file is there
 * on kernels with CONFIG_SCHED_INFO, which all distributions have (2026). */
#include "os/run_threads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/processors.h"

enum { FIRST_ROOM = 16 };

void run_threads_init(struct run_threads *t, enum run_unit unit, int64_t now_ns) {
  *t = (struct run_threads){.unit = unit, .look_ns = now_ns};
}

void run_threads_fini(struct run_threads *t) {
  memory_free(t->list);
  t->list = NULL;
  t->count = t->room = 0;
}

/* False: the thread has ended, or the kernel does not tell. */
static bool read_times(int32_t process, int32_t thread, int64_t *ran, int64_t *ready) {
  char path[64];
  char text[96];
  snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)process, (int)thread);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return false;
  text[size] = '\0';
  return sscanf(text, "%" SCNd64 " %" SCNd64, ran, ready) == 2;
}

status run_threads_time(int32_t process, int32_t thread, int64_t *ran_ns) {
  int64_t ready_ns = 0;
  return read_times(process, thread, ran_ns, &ready_ns) ? STATUS_OK : -ESRCH;
}

/* NULL: there is no room for it. */
static struct run_thread *add_thread(struct run_threads *t, int32_t process, int32_t thread) {
  if (t->count == RUN_THREADS_MAX) return NULL;
  if (t->count == t->room) {
    const size_t room = t->room ? t->room * 2 : FIRST_ROOM;
    struct run_thread *list = memory_resize(t->list, room * sizeof *list);
    if (!list) return NULL;
    t->list = list;
    t->room = room;
  }
  t->list[t->count] = (struct run_thread){.process = process, .thread = thread};
  return &t->list[t->count++];
}

static struct run_thread *find_thread(struct run_threads *t, int32_t thread) {
  for (size_t i = t->count; i > 0; i--)
    if (t->list[i - 1].thread == thread && !t->list[i - 1].has_ended) return &t->list[i - 1];
  return NULL;
}

/* Not the first thread of the run: what it starts would get its one processor. */
static void bind_thread(struct run_threads *t, int32_t thread) {
  int numbers[PROCESSORS_MAX];
  const size_t count = processors_allowed(numbers, PROCESSORS_MAX);
  if (!t->binds_new || t->count <= 1 || count == 0) return;
  const status st = processors_bind(thread, numbers[(size_t)t->next_processor++ % count]);
  (void)st; /* it has ended */
}

static struct run_thread *known_thread(struct run_threads *t, int32_t process, int32_t thread, int64_t ran) {
  struct run_thread *known = find_thread(t, thread);
  if (known && known->process == process && known->ran_ns <= ran) return known;
  if (known) known->has_ended = true;
  known = add_thread(t, process, thread);
  if (known) bind_thread(t, thread);
  return known;
}

static void note_unit(struct run_threads *t, int64_t ran, int64_t ready) {
  if (ran > t->most_ran_ns) t->most_ran_ns = ran;
  if (ready > t->most_ready_ns[0]) {
    t->most_ready_ns[1] = t->most_ready_ns[0];
    t->most_ready_ns[0] = ready;
  } else if (ready > t->most_ready_ns[1]) {
    t->most_ready_ns[1] = ready;
  }
}

void run_threads_look(struct run_threads *t, int32_t process) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/task", (int)process);
  DIR *list = opendir(path);
  if (!list) return;
  int64_t all_ran = 0;
  int64_t all_ready = 0;
  for (const struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
    const int32_t number = (int32_t)strtol(entry->d_name, NULL, 10);
    int64_t ran;
    int64_t ready;
    if (number <= 0 || !read_times(process, number, &ran, &ready)) continue;
    struct run_thread *thread = known_thread(t, process, number, ran);
    if (!thread) continue;
    if (t->unit == RUN_UNIT_THREAD) note_unit(t, ran - thread->ran_ns, ready - thread->ready_ns);
    all_ran += ran - thread->ran_ns;
    all_ready += ready - thread->ready_ns;
    thread->ran_ns = ran;
    thread->ready_ns = ready;
    t->is_known = true;
  }
  closedir(list);
  t->ran_ns += all_ran;
  if (t->unit == RUN_UNIT_PROCESS) note_unit(t, all_ran, all_ready);
}

static int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

void run_threads_end_look(struct run_threads *t, int64_t now_ns) {
  const int64_t rest = now_ns - t->look_ns - t->most_ran_ns;
  const int64_t ready = t->most_ready_ns[0] + t->most_ready_ns[1];
  const int64_t lost = lesser(ready + t->ready_left_ns, rest + t->rest_left_ns);
  const int64_t counted = lost > 0 ? lost : 0;
  t->ready_left_ns = lesser(ready, ready + t->ready_left_ns - counted);
  t->rest_left_ns = lesser(rest, rest + t->rest_left_ns - counted);
  t->lost_ns += counted;
  t->path_ran_ns += t->most_ran_ns;
  t->look_ns = now_ns;
  t->most_ran_ns = t->most_ready_ns[0] = t->most_ready_ns[1] = 0;
}

/* The rest is taken to be as parallel as what was looked at. */
void run_threads_finish(struct run_threads *t, int64_t all_ran_ns) {
  const int64_t rest = all_ran_ns - t->ran_ns;
  if (rest <= 0 || t->ran_ns <= 0) return;
  const double share = (double)t->path_ran_ns / (double)t->ran_ns;
  const int64_t of_path = (int64_t)((double)rest * (share < 1 ? share : 1));
  t->lost_ns = t->lost_ns > of_path ? t->lost_ns - of_path : 0;
}
