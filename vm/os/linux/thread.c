/* SPDX-License-Identifier: MIT */
/* Threads as the kernel knows them: by number, with a name and a nice value of their own. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/thread.h"

void thread_set_name(const char *name) { pthread_setname_np(pthread_self(), name); }

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
