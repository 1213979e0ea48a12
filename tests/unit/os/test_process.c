/* SPDX-License-Identifier: MIT */
/* Processes that are made, watched, signalled and reaped; what they inherit, and what is alive. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static char self[PATH_MAX];

/* The child's pid in the parent, which watches it by *pidfd. The child waits for a byte before it
 * ends. */
static pid_t start(int *pidfd, int *gate, int exit_code, int signal_number) {
  int ends[2];
  pid_t pid = -1;
  CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  if (pid == 0) {
    char byte;
    close(ends[1]);
    if (read(ends[0], &byte, 1) < 0 || signal_number == 0) process_exit_now(exit_code);
    raise(signal_number);
    for (;;) pause();
  }
  close(ends[0]);
  *gate = ends[1];
  CHECK_EQ(process_watch(pidfd, pid), STATUS_OK);
  return pid;
}

static int end_of(pid_t pid, int pidfd) {
  int exit_code = -1000;
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED) st = process_wait_end(pidfd, deadline_never());
  CHECK_EQ(st, STATUS_OK);
  CHECK_EQ(process_reap(pid, &exit_code), STATUS_OK);
  CHECK_EQ(process_reap(pid, &(int){0}), -ECHILD);
  close(pidfd);
  return exit_code;
}

static void an_end_is_seen_and_says_how(void) {
  static const int codes[] = {0, 1, 127, 255};
  static const int signals[] = {SIGKILL, SIGTERM, SIGUSR2};
  int pidfd = -1;
  int gate = -1;
  for (int i = 0; i < 7; i++) {
    const bool by_signal = i >= 4;
    const pid_t pid = start(&pidfd, &gate, by_signal ? 0 : codes[i], by_signal ? signals[i - 4] : 0);
    CHECK_EQ(process_wait_end(pidfd, deadline_now()), STATUS_TIMEOUT);
    close(gate);
    CHECK_EQ(end_of(pid, pidfd), by_signal ? -signals[i - 4] : codes[i]);
  }
}

static void a_signal_goes_to_the_process_that_is_watched(void) {
  int pidfd = -1;
  int gate = -1;
  const pid_t pid = start(&pidfd, &gate, 0, 0);
  process_signal(pidfd, 0); /* nothing */
  CHECK_EQ(process_wait_end(pidfd, deadline_now()), STATUS_TIMEOUT);
  process_signal(pidfd, SIGKILL);
  CHECK_EQ(end_of(pid, pidfd), -SIGKILL);
  close(gate);
}

static void a_process_that_ended_is_not_alive_even_before_it_is_reaped(void) {
  int pidfd = -1;
  int gate = -1;
  const struct process_id own = process_self();
  CHECK(own.pid == getpid() && own.start_time > 0);
  CHECK(process_is_alive(&own));
  const pid_t pid = start(&pidfd, &gate, 0, 0);
  const struct process_id child = {.pid = (int32_t)pid};
  const struct process_id older = {.pid = (int32_t)pid, .start_time = 1}; /* had that pid long ago */
  CHECK(process_is_alive(&child));
  CHECK(!process_is_alive(&older));
  close(gate);
  while (process_wait_end(pidfd, deadline_never())) continue;
  CHECK(!process_is_alive(&child));
  CHECK_EQ(end_of(pid, pidfd), 0);
  CHECK(!process_is_alive(&child));
  CHECK_EQ(process_watch(&pidfd, pid), -ESRCH);
}

/* In the program that was started: which of the numbers are open. */
NO_RETURN static void say_what_is_open(char **numbers) {
  const int keep = atoi(numbers[0]);
  const int keep2 = atoi(numbers[1]);
  int bits = 0;
  for (int i = 0; i < 4; i++) bits |= (fcntl(atoi(numbers[i]), F_GETFD) >= 0) << i;
  process_close_inherited((const int[]){keep2, -1, keep}, 3);
  for (int i = 0; i < 4; i++) bits |= (fcntl(atoi(numbers[i]), F_GETFD) >= 0) << (i + 4);
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0) bits = 0;
  process_exit_now(bits);
}

/* Of four files two are kept, one is close-on-exec and one is open to all. */
static void a_started_program_inherits_what_is_kept_and_closes_the_rest(void) {
  int fds[4];
  char texts[4][12];
  char *argv[] = {self, texts[0], texts[1], texts[2], texts[3], NULL};
  for (int i = 0; i < 4; i++) {
    fds[i] = open("/dev/null", O_RDONLY | (i < 3 ? O_CLOEXEC : 0));
    snprintf(texts[i], sizeof texts[i], "%d", fds[i]);
  }
  pid_t pid = 0;
  int exit_code = 0;
  CHECK_EQ(process_spawn(&pid, argv, (const int[]){fds[0], fds[1], -1}, 3), STATUS_OK);
  CHECK_EQ(process_reap(pid, &exit_code), STATUS_OK);
  CHECK_EQ(exit_code, 1 | 2 | 8 | (1 | 2) << 4);
  snprintf(texts[1], sizeof texts[1], "-1");
  CHECK_EQ(process_spawn(&pid, argv, fds, 1), STATUS_OK);
  CHECK_EQ(process_reap(pid, &exit_code), STATUS_OK);
  CHECK_EQ(exit_code, 1 | 8 | 1 << 4);
  argv[0] = (char[]){"/nonexistent"};
  CHECK_EQ(process_spawn(&pid, argv, fds, 1), -ENOENT);
  for (int i = 0; i < 4; i++) close(fds[i]);
}

/* A child of a child writes its pid, and stays; its parent is killed. */
static void a_process_ends_with_its_parent(void) {
  int ends[2];
  pid_t parent = -1;
  pid_t child = -1;
  int pidfd = -1;
  CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQ(process_fork(&parent), STATUS_OK);
  if (parent == 0) {
    CHECK_EQ(process_fork(&child), STATUS_OK);
    if (child > 0) CHECK_EQ(write(ends[1], &child, sizeof child), sizeof child);
    for (;;) pause();
  }
  CHECK_EQ(read(ends[0], &child, sizeof child), sizeof child);
  CHECK_EQ(process_watch(&pidfd, child), STATUS_OK);
  CHECK_EQ(process_wait_end(pidfd, deadline_now()), STATUS_TIMEOUT);
  CHECK_EQ(kill(parent, SIGKILL), 0);
  CHECK_EQ(process_reap(parent, &(int){0}), STATUS_OK);
  while (process_wait_end(pidfd, deadline_never())) continue;
  close(pidfd);
  close(ends[0]);
  close(ends[1]);
  pid_t other = -1;
  CHECK_EQ(process_fork(&other), STATUS_OK);
  if (other == 0) process_exit_now(process_die_with_parent(getpid()) == STATUS_DIED ? 0 : 1);
  int exit_code = -1;
  CHECK_EQ(process_reap(other, &exit_code), STATUS_OK);
  CHECK_EQ(exit_code, 0); /* that is not its parent */
}

static void the_running_program_knows_its_path(void) {
  char little[4];
  CHECK_EQ(process_executable(self, sizeof self), STATUS_OK);
  CHECK(strstr(self, "test_process") != NULL);
  CHECK_EQ(process_executable(little, sizeof little), -ENAMETOOLONG);
}

static void a_process_is_described_to_others(void) {
  uint64_t bytes = 0;
  char text[PATH_MAX];
  size_t length = 0;
  CHECK_EQ(process_memory(process_pid(), &bytes), STATUS_OK);
  CHECK(bytes > 0 && bytes % (uint64_t)sysconf(_SC_PAGESIZE) == 0);
  CHECK_EQ(process_command(process_pid(), text, sizeof text, &length), STATUS_OK);
  CHECK(length > 0 && length < sizeof text && text[length - 1] == '\0');
  CHECK_EQ(process_command(process_pid(), text, 1, &length), STATUS_OK);
  CHECK_EQ(length, 1);
}

static void a_process_that_is_not_there_is_not_described(void) {
  const int64_t nobody = INT64_C(1) << 40;
  uint64_t bytes = 7;
  char text[8] = "same";
  size_t length = 7;
  CHECK_EQ(process_memory(nobody, &bytes), -ESRCH);
  CHECK_EQ(process_command(nobody, text, sizeof text, &length), -ESRCH);
  CHECK(bytes == 7 && length == 7 && strcmp(text, "same") == 0);
}

static void the_own_path_runs_this_program(void) {
  char there[PATH_MAX];
  CHECK(realpath(process_own_path(), there) != NULL);
  CHECK_EQ(process_executable(self, sizeof self), STATUS_OK);
  CHECK_EQ(strcmp(there, self), 0);
}

int main(int argc, char **argv) {
  if (argc == 5) say_what_is_open(argv + 1);
  the_running_program_knows_its_path();
  an_end_is_seen_and_says_how();
  a_signal_goes_to_the_process_that_is_watched();
  a_process_that_ended_is_not_alive_even_before_it_is_reaped();
  a_started_program_inherits_what_is_kept_and_closes_the_rest();
  a_process_ends_with_its_parent();
  a_process_is_described_to_others();
  a_process_that_is_not_there_is_not_described();
  the_own_path_runs_this_program();
  return 0;
}
