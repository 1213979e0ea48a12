/* SPDX-License-Identifier: MIT */
/* Threads as the kernel knows them: by number, with a name and a nice value of their own. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/thread.h"

void thread_set_name(const char *name) {
  char text[16]; /* as much as the kernel keeps */
  snprintf(text, sizeof text, "%s", name);
  pthread_setname_np(pthread_self(), text);
}

void thread_be_nice(int nice_value) { setpriority(PRIO_PROCESS, (id_t)gettid(), nice_value); }

int32_t thread_kernel_id(void) { return (int32_t)gettid(); }

bool thread_pass_to_first(int signal_number) {
  const pid_t first = getpid();
  return gettid() != first && tgkill(first, first, signal_number) == 0;
}

int thread_count(void) {
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return 0;
  int count = 0;
  for (const struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks))
    count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

void thread_signal_number(int32_t number, int signal_number) {
  syscall(SYS_tgkill, getpid(), number, signal_number);
}

/* Reads the first bytes of a file of /proc about a thread, and ends them with a zero byte. */
static bool read_of_thread(int32_t number, const char *file, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)number, file);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t length = read(fd, text, size - 1);
  close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  return true;
}

/* The clock of a thread of this process: its number, above the three bits that say so. */
status thread_read_run_time(int32_t number, uint64_t *ns) {
  enum { OF_THREAD = 4, AS_SCHEDULED = 2, BITS = 3 };
  const clockid_t clock = (clockid_t)(~(uint32_t)number << BITS | OF_THREAD | AS_SCHEDULED);
  struct timespec now;
  if (clock_gettime(clock, &now)) return STATUS_EMPTY;
  *ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
  return STATUS_OK;
}

status thread_read_activity(int32_t number, struct thread_activity *out) {
  char text[128];
  if (!read_of_thread(number, "stat", text, sizeof text)) return STATUS_EMPTY;
  const char *behind_name = strrchr(text, ')'); /* the name may have spaces and parentheses */
  *out = (struct thread_activity){.is_runnable = behind_name && behind_name[1] && behind_name[2] == 'R'};
  if (!read_of_thread(number, "schedstat", text, sizeof text)) return STATUS_OK;
  char *end = NULL;
  out->ran_ns = strtoull(text, &end, 10);
  out->was_ready_ns = strtoull(end, NULL, 10);
  return STATUS_OK;
}
