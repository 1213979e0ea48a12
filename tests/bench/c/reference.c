/* SPDX-License-Identifier: MIT */
/* The times of the kernel itself, for targets that are multiples of them.
 *
 *   reference thread COUNT    pthread_create and pthread_join of a thread that does nothing
 *   reference fork COUNT      fork and waitpid of a process that does nothing
 *   reference futex COUNT     a round trip between two processes that both sleep in FUTEX_WAIT,
 *                             with a millisecond between two of them, as in
 *                             tests/bench/lua/echo.lua
 *   reference guided COUNT    so many sleeps, four of 0.1 s in front and then 1 ms each, by two
 *                             threads of OpenMP with its guided schedule
 *   reference dynamic COUNT   the same, one by one
 *
 * Prints one line: time, a number, us; for OpenMP total, a number, s. It uses nothing of
 * manymoons. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *return_at_once(void *unused) { return unused; }

static double time_thread(int count) {
  const double start = now_us();
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, return_at_once, NULL)) die("pthread_create");
    if (pthread_join(thread, NULL)) die("pthread_join");
  }
  return (now_us() - start) / count;
}

static double time_fork(int count) {
  const double start = now_us();
  for (int i = 0; i < count; i++) {
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) _exit(0);
    if (waitpid(child, NULL, 0) != child) die("waitpid");
  }
  return (now_us() - start) / count;
}

/* Each round changes both words; a waiter for a word sleeps while it has the old value. */
struct table_tennis {
  _Alignas(64) _Atomic uint32_t ping;
  _Alignas(64) _Atomic uint32_t pong;
};

static void word_set(_Atomic uint32_t *word, uint32_t value) {
  atomic_store(word, value);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void word_wait(_Atomic uint32_t *word, uint32_t old) {
  while (atomic_load(word) == old) syscall(SYS_futex, word, FUTEX_WAIT, old, NULL, NULL, 0);
}

static void answer(struct table_tennis *table, int count) {
  for (int i = 0; i < count; i++) {
    word_wait(&table->ping, i);
    word_set(&table->pong, i + 1);
  }
}

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double time_futex(int count) {
  struct table_tennis *table =
      mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  double *times = calloc(count, sizeof *times);
  if (table == MAP_FAILED || !times) die("memory");
  const pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    answer(table, count);
    _exit(0);
  }
  for (int i = 0; i < count; i++) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    const double start = now_us();
    word_set(&table->ping, i + 1);
    word_wait(&table->pong, i);
    times[i] = now_us() - start;
  }
  if (waitpid(child, NULL, 0) != child) die("waitpid");
  qsort(times, count, sizeof *times, compare_doubles);
  const double median = times[count / 2];
  free(times);
  return median;
}

/* ---- schedules of OpenMP --------------------------------------------------------------------- */

static void sleep_for_item(int i) {
  const struct timespec pause = {.tv_nsec = i < 4 ? 100 * 1000 * 1000 : 1000 * 1000};
  nanosleep(&pause, NULL);
}

static double time_guided(int count) {
  const double start = now_us();
#pragma omp parallel for schedule(guided) num_threads(2)
  for (int i = 0; i < count; i++) sleep_for_item(i);
  return (now_us() - start) / 1e6;
}

static double time_dynamic(int count) {
  const double start = now_us();
#pragma omp parallel for schedule(dynamic) num_threads(2)
  for (int i = 0; i < count; i++) sleep_for_item(i);
  return (now_us() - start) / 1e6;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    double (*measure)(int count);
    const char *unit;
  } measurements[] = {{"thread", time_thread, "us"},
                      {"fork", time_fork, "us"},
                      {"futex", time_futex, "us"},
                      {"guided", time_guided, "s"},
                      {"dynamic", time_dynamic, "s"}};
  const int count = argc == 3 ? atoi(argv[2]) : 0;
  for (size_t i = 0; count > 0 && i < sizeof measurements / sizeof *measurements; i++) {
    if (strcmp(argv[1], measurements[i].name) != 0) continue;
    const double result = measurements[i].measure(count);
    const char *unit = measurements[i].unit;
    printf("%s %f %s\n", unit[0] == 's' ? "total" : "time", result, unit);
    return 0;
  }
  fputs("usage: reference thread|fork|futex|guided|dynamic COUNT\n", stderr);
  return 2;
}
