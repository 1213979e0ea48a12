/* SPDX-License-Identifier: MIT */
/* pidfd_open, PR_SET_PDEATHSIG, close_range, and what /proc says of a process. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* At most `size` bytes of /proc/PID/NAME; -1: there is no such process. */
static ssize_t read_about(int64_t pid, const char *name, char *text, size_t size) {
  char path[96];
  snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t length = read(fd, text, size);
  close(fd);
  return length;
}

/* Reads field 3 (state) and 22 (start time) of /proc/PID/stat; false when there is no such process. */
static bool read_stat(int32_t pid, char *state, uint64_t *start_time) {
  char text[1024];
  const ssize_t size = read_about(pid, "stat", text, sizeof text - 1);
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

void process_signal(int pidfd, int signal_number) {
  syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0);
}

enum { CHILDREN_TEXT = 4096, GENERATIONS_MAX = 32 };

/* "pid pid …": what a thread has started. False: it is not known (a kernel without CONFIG_PROC_CHILDREN). */
static bool read_children(int64_t pid, int32_t thread, char text[CHILDREN_TEXT]) {
  char name[64];
  snprintf(name, sizeof name, "task/%d/children", thread);
  const ssize_t size = read_about(pid, name, text, CHILDREN_TEXT - 1);
  if (size < 0) return false;
  text[size] = '\0';
  return true;
}

/* A process that is stopped starts and reaps nothing, so the numbers of its children stay theirs. */
static void end_with_children(int32_t pid, int generation) {
  char text[CHILDREN_TEXT];
  kill(pid, SIGSTOP);
  if (generation < GENERATIONS_MAX && read_children(pid, pid, text)) {
    char *at = text;
    for (long child = strtol(at, &at, 10); child > 0; child = strtol(at, &at, 10))
      end_with_children((int32_t)child, generation + 1);
  }
  kill(pid, SIGKILL);
}

void process_end_children(int32_t thread, bool (*is_spared)(int32_t pid)) {
  char text[CHILDREN_TEXT];
  if (!read_children(getpid(), thread, text)) return;
  char *at = text;
  for (long child = strtol(at, &at, 10); child > 0; child = strtol(at, &at, 10))
    if (!is_spared((int32_t)child)) end_with_children((int32_t)child, 0);
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

const char *process_own_path(void) { return "/proc/self/exe"; }

status process_memory(int64_t pid, uint64_t *bytes) {
  char text[128] = {0};
  unsigned long long pages = 0;
  if (read_about(pid, "statm", text, sizeof text - 1) <= 0) return -ESRCH;
  if (sscanf(text, "%*u %llu", &pages) != 1) return STATUS_MALFORMED;
  *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
  return STATUS_OK;
}

status process_address_space(uint64_t *bytes) {
  char text[128] = {0};
  unsigned long long pages = 0;
  if (read_about(process_pid(), "statm", text, sizeof text - 1) <= 0) return -ESRCH;
  if (sscanf(text, "%llu", &pages) != 1) return STATUS_MALFORMED;
  *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
  return STATUS_OK;
}

status process_command(int64_t pid, char *text, size_t size, size_t *length) {
  const ssize_t got = read_about(pid, "cmdline", text, size);
  if (got < 0) return -ESRCH;
  *length = (size_t)got;
  return STATUS_OK;
}
