/* SPDX-License-Identifier: MIT */
/* Linux: pidfd_open, waitid, PR_SET_PDEATHSIG. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

/* Reads field 3 (state) and 22 (start time) of /proc/PID/stat; false when there is no such process. */
static bool read_stat(int32_t pid, char *state, uint64_t *start_time) {
  char path[64];
  char text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return false;
  text[size] = '\0';
  const char *field = strrchr(text, ')'); /* the name before it may hold anything */
  if (!field || field[1] == '\0') return false;
  field += 2;
  *state = *field;
  for (int number = 3; number < 22; number++) {
    field = strchr(field, ' ');
    if (!field) return false;
    field++;
  }
  *start_time = strtoull(field, NULL, 10);
  return true;
}

struct process_id process_self(void) {
  struct process_id id = {.pid = (int32_t)getpid()};
  char state;
  uint64_t start_time;
  if (read_stat(id.pid, &state, &start_time)) id.start_time = start_time;
  return id;
}

bool process_is_alive(const struct process_id *id) {
  if (kill(id->pid, 0) && errno == ESRCH) return false;
  char state;
  uint64_t start_time;
  if (!read_stat(id->pid, &state, &start_time)) return kill(id->pid, 0) == 0 || errno != ESRCH;
  if (state == 'Z' || state == 'X') return false;
  return id->start_time == 0 || id->start_time == start_time;
}

status process_fork(pid_t *pid) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0 && process_die_with_parent(parent)) process_exit_now(1);
  *pid = child;
  return STATUS_OK;
}

status process_spawn(pid_t *pid, char *const argv[], int keep_fd, int keep_fd2) {
  posix_spawn_file_actions_t actions;
  int failed = posix_spawn_file_actions_init(&actions);
  if (failed) return -failed;
  failed = posix_spawn_file_actions_adddup2(&actions, keep_fd, keep_fd);
  if (!failed && keep_fd2 >= 0) failed = posix_spawn_file_actions_adddup2(&actions, keep_fd2, keep_fd2);
  if (!failed) failed = posix_spawn(pid, argv[0], &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  return -failed;
}

static void close_from_to(int first, int last) {
  if (first <= last) syscall(SYS_close_range, first, last, 0);
}

void process_close_inherited(int keep_fd, int keep_fd2) {
  const int low = keep_fd < keep_fd2 ? keep_fd : keep_fd2;
  const int high = keep_fd < keep_fd2 ? keep_fd2 : keep_fd;
  int from = STDERR_FILENO + 1;
  close_from_to(from, low - 1);
  if (low >= from) from = low + 1;
  close_from_to(from, high - 1);
  if (high >= from) from = high + 1;
  close_from_to(from, INT_MAX);
}

status process_die_with_parent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL)) return -errno;
  return getppid() == parent ? STATUS_OK : STATUS_DIED;
}

status process_watch(int *pidfd, pid_t pid) {
  const long fd = syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return -errno;
  *pidfd = (int)fd;
  return STATUS_OK;
}

/* Rounds up, so that a wait is never early. */
static int poll_timeout(deadline until) {
  if (deadline_is_never(until)) return -1;
  if (deadline_is_now(until)) return 0;
  const int64_t left = until.ns - clock_now_ns();
  if (left <= 0) return 0;
  const int64_t ms = (left + 999999) / 1000000;
  return ms > 1000000000 ? 1000000000 : (int)ms;
}

status process_wait_end(int pidfd, deadline until) {
  struct pollfd entry = {.fd = pidfd, .events = POLLIN};
  for (;;) {
    const int ready = poll(&entry, 1, poll_timeout(until));
    if (ready > 0) return STATUS_OK;
    if (ready < 0) return errno == EINTR ? STATUS_INTERRUPTED : -errno;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
  }
}

status process_reap(pid_t pid, int *exit_code) {
  int report;
  pid_t result;
  do result = waitpid(pid, &report, 0);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  *exit_code = WIFEXITED(report) ? WEXITSTATUS(report) : -WTERMSIG(report);
  return STATUS_OK;
}

void process_signal(int pidfd, int signal_number) {
  syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
}

int process_cpu_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}

status process_executable(char *path, size_t size) {
  const ssize_t length = readlink("/proc/self/exe", path, size);
  if (length < 0) return -errno;
  if ((size_t)length >= size) return -ENAMETOOLONG;
  path[length] = '\0';
  return STATUS_OK;
}

void process_exit_now(int code) { _exit(code); }
