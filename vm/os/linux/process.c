/* SPDX-License-Identifier: MIT */
/* pidfd_open, PR_SET_PDEATHSIG, close_range, and what /proc says of a process. */
#include "os/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* At most `size` bytes of /proc/PID/NAME; -1: there is no such process. */
static ssize_t read_about(int64_t pid, const char *name, char *text, size_t size) {
  char path[128];
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

/* The lowest of the descriptors that is `from` or higher; INT_MAX: none. */
static int next_kept(const int *kept, size_t count, int from) {
  int next = INT_MAX;
  for (size_t i = 0; i < count; i++)
    if (kept[i] >= from && kept[i] < next) next = kept[i];
  return next;
}

void process_close_inherited(const int *kept, size_t count) {
  int from = STDERR_FILENO + 1;
  for (int next; (next = next_kept(kept, count, from)) < INT_MAX; from = next + 1)
    close_from_to(from, next - 1);
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

status process_signal(int pidfd, int signal_number) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) ? -errno : STATUS_OK;
}

bool process_is_stopped(int32_t pid) {
  char state;
  uint64_t start_time;
  return read_stat(pid, &state, &start_time) && (state == 'T' || state == 't');
}

/* The last field of /proc/PID/stat is the exit status, and 0 for readers that may not know. The
 * number was the process's own while it was read if the pidfd still finds it afterwards. */
status process_ended_code(int32_t pid, int pidfd, int *exit_code) {
  char text[1024];
  const ssize_t size = read_about(pid, "stat", text, sizeof text - 1);
  if (size <= 0 || process_signal(pidfd, 0)) return -ESRCH;
  text[size] = '\0';
  const char *state = strrchr(text, ')');
  const char *last = strrchr(text, ' ');
  if (!state || strncmp(state, ") Z", 3) != 0 || !last) return -ESRCH;
  const int report = (int)strtol(last, NULL, 10);
  if (report == 0) return -ESRCH;
  *exit_code = WIFEXITED(report) ? WEXITSTATUS(report) : -WTERMSIG(report);
  return STATUS_OK;
}

/* The descriptor stays the stream's, so that the FILE can still be closed. */
static status replace_by_nothing(int fd, int flags) {
  const int nothing = open("/dev/null", flags | O_CLOEXEC);
  if (nothing < 0) return -errno;
  const status st = dup2(nothing, fd) < 0 ? -errno : STATUS_OK;
  if (nothing != fd) close(nothing);
  return st;
}

status process_end_input(void) {
  const status st = replace_by_nothing(STDIN_FILENO, O_RDONLY);
  __fpurge(stdin);
  clearerr(stdin);
  return st;
}

/* Whether a child of that process reads the pipe as its standard input. */
static bool is_read_by_child(pid_t parent, const struct stat *pipe) {
  char path[64];
  char children[4096];
  snprintf(path, sizeof path, "task/%d/children", (int)parent);
  const ssize_t size = read_about(parent, path, children, sizeof children - 1);
  if (size <= 0) return false;
  children[size] = '\0';
  for (char *at = children; *at;) {
    struct stat input;
    const long pid = strtol(at, &at, 10);
    snprintf(path, sizeof path, "/proc/%ld/fd/0", pid);
    if (pid > 0 && stat(path, &input) == 0 && input.st_dev == pipe->st_dev && input.st_ino == pipe->st_ino)
      return true;
    if (*at == ' ') at++;
    if (pid <= 0) break;
  }
  return false;
}

static bool is_program_input(int fd, pid_t parent) {
  struct stat info;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) != O_WRONLY) return false;
  return fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode) && is_read_by_child(parent, &info);
}

/* A new descriptor gets the lowest free number, so behind so many free ones in a row there is none. */
enum { FREE_IN_A_ROW = 256 };

/* Looks at so many numbers by one system call. False: none of them is open. */
static bool close_inputs_among(int first, nfds_t count, pid_t parent) {
  struct pollfd numbers[FREE_IN_A_ROW];
  bool is_any = false;
  for (nfds_t i = 0; i < count; i++) numbers[i] = (struct pollfd){.fd = first + (int)i};
  if (poll(numbers, count, 0) < 0) return false;
  for (nfds_t i = 0; i < count; i++) {
    if (numbers[i].revents & POLLNVAL) continue;
    is_any = true;
    if (is_program_input(numbers[i].fd, parent)) (void)!replace_by_nothing(numbers[i].fd, O_WRONLY);
  }
  return is_any;
}

/* A folder of /proc would cost a child more than all else that it does at its start. */
void process_close_program_inputs(pid_t parent) {
  const long most = sysconf(_SC_OPEN_MAX);
  const nfds_t count = most > 0 && most < FREE_IN_A_ROW ? (nfds_t)most : FREE_IN_A_ROW;
  int first = STDERR_FILENO + 1;
  while (close_inputs_among(first, count, parent)) first += (int)count;
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

void process_end_with_children(int32_t pid) { end_with_children(pid, 0); }

/* Zombies count. */
static bool has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 || errno != ECHILD;
}

void process_end_children(int32_t thread, bool (*is_spared)(int32_t pid)) {
  char text[CHILDREN_TEXT];
  if (!has_children() || !read_children(getpid(), thread, text)) return;
  char *at = text;
  for (long child = strtol(at, &at, 10); child > 0; child = strtol(at, &at, 10))
    if (!is_spared((int32_t)child)) end_with_children((int32_t)child, 0);
}

status process_executable(char *path, size_t size) {
  const ssize_t length = readlink("/proc/self/exe", path, size);
  if (length < 0) return -errno;
  if ((size_t)length >= size) return -ENAMETOOLONG;
  path[length] = '\0';
  return STATUS_OK;
}

bool process_is_executable_at(const char *path) {
  struct stat named, running;
  if (stat(path, &named) || stat(process_own_path(), &running)) return false;
  return named.st_dev == running.st_dev && named.st_ino == running.st_ino;
}

const char *process_own_path(void) { return "/proc/self/exe"; }

void process_resolve_path(int64_t pid, const char *path, char *out, size_t size) {
  if (pid && path[0] != '/')
    snprintf(out, size, "/proc/%lld/cwd/%s", (long long)pid, path);
  else
    snprintf(out, size, "%s", path);
}

static bool is_own(const char *pid) {
  char path[32];
  struct stat facts;
  snprintf(path, sizeof path, "/proc/%.16s", pid);
  return stat(path, &facts) == 0 && facts.st_uid == getuid();
}

void process_each_own(bool (*visit)(void *context, int32_t pid), void *context) {
  DIR *all = opendir("/proc");
  if (!all) return;
  bool goes_on = true;
  for (const struct dirent *one = readdir(all); one && goes_on; one = readdir(all))
    if (one->d_name[0] >= '1' && one->d_name[0] <= '9' && is_own(one->d_name))
      goes_on = visit(context, (int32_t)strtol(one->d_name, NULL, 10));
  closedir(all);
}

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

static bool has_handler(int64_t pid, int signal_number) {
  char text[4096];
  if (signal_number < 1 || signal_number > SIGRTMAX) return false;
  const ssize_t got = read_about(pid, "status", text, sizeof text - 1);
  if (got <= 0) return false;
  text[got] = '\0';
  const char *line = strstr(text, "\nSigCgt:");
  return line && (strtoull(line + 8, NULL, 16) >> (signal_number - 1) & 1);
}

status process_signal_handler(int64_t pid, int64_t thread, int signal_number) {
  if (!has_handler(pid, signal_number)) return -ESRCH;
  return syscall(SYS_tgkill, (pid_t)pid, (pid_t)thread, signal_number) ? -errno : STATUS_OK;
}

status process_command(int64_t pid, char *text, size_t size, size_t *length) {
  const ssize_t got = read_about(pid, "cmdline", text, size);
  if (got < 0) return -ESRCH;
  *length = (size_t)got;
  return STATUS_OK;
}

/* Not fork(), whose handlers may take locks that the interrupted code has. The program is no child of ours,
 * so that nobody has to reap it. */
static long plain_fork(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

void process_run_aside(const char *path, char *const argv[]) {
  const int before = errno;
  const long child = plain_fork();
  if (child == 0) {
    if (plain_fork() == 0) {
      dup2(STDERR_FILENO, STDOUT_FILENO);
      execv(path, argv);
    }
    _exit(0);
  }
  while (child > 0 && waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) continue;
  errno = before;
}
