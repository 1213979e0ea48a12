/* SPDX-License-Identifier: MIT */
/* What POSIX has for processes; the watch and the death with the parent are each system's own. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

int32_t process_pid(void) { return (int32_t)getpid(); }

static _Thread_local bool is_forking; /* see vm/README.md */

bool process_is_forking(void) { return is_forking; }

status process_fork(pid_t *pid) {
  const pid_t parent = getpid();
  is_forking = true;
  const pid_t child = fork();
  is_forking = false;
  if (child < 0) return -errno;
  if (child == 0 && process_die_with_parent(parent)) process_exit_now(1);
  *pid = child;
  return STATUS_OK;
}

static status spawn(pid_t *pid, char *const argv[], const int *kept, size_t count,
                    const posix_spawnattr_t *attributes) {
  posix_spawn_file_actions_t actions;
  int failed = posix_spawn_file_actions_init(&actions);
  if (failed) return -failed;
  for (size_t i = 0; i < count && !failed; i++)
    if (kept[i] >= 0) failed = posix_spawn_file_actions_adddup2(&actions, kept[i], kept[i]);
  if (!failed) failed = posix_spawn(pid, argv[0], &actions, attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  return -failed;
}

status process_spawn(pid_t *pid, char *const argv[], const int *kept, size_t count) {
  return spawn(pid, argv, kept, count, NULL);
}

status process_spawn_leader(pid_t *pid, char *const argv[], const int *kept, size_t count) {
  posix_spawnattr_t attributes;
  const int failed = posix_spawnattr_init(&attributes);
  if (failed) return -failed;
  status st = -posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* of a group of its own */
  if (st == STATUS_OK) st = spawn(pid, argv, kept, count, &attributes);
  posix_spawnattr_destroy(&attributes);
  return st;
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

void process_lead_group(void) { (void)setpgid(0, 0); }

void process_end_group(pid_t pid) {
  siginfo_t end = {0};
  if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) || end.si_pid != pid) return;
  if (end.si_code == CLD_KILLED || end.si_code == CLD_DUMPED) kill(-pid, SIGKILL);
}

void process_unwatch(int pidfd) { close(pidfd); }

void process_kill(int32_t pid) {
  siginfo_t ended = {0};
  if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0) kill(pid, SIGKILL);
}

void process_exit_now(int code) { _exit(code); }

static bool is_harmless(const char *variable) {
  static const char *const names[] = {"LANG=", "LANGUAGE=", "LC_", "TZ=", "TERM="};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(variable, names[i], strlen(names[i])) == 0) return true;
  return false;
}

/* The texts are overwritten: what is only left out of the list can still be read in memory. */
void process_forget_environment(void) {
  size_t kept = 0;
  for (size_t i = 0; environ && environ[i]; i++) {
    if (is_harmless(environ[i]))
      environ[kept++] = environ[i];
    else
      explicit_bzero(environ[i], strlen(environ[i]));
  }
  if (environ) environ[kept] = NULL;
}

void process_fill_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
        open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      return;
}
