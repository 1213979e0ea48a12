/* SPDX-License-Identifier: MIT */
/* posix_spawn, as the C library's own system and popen use it. The signals that are ignored are the process's,
 * so their former handlers are kept at file scope, under a mutex (vm/README.md). */
#include "os/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/process.h"

enum { HELD_COUNT = 2 };

static const int held_signals[HELD_COUNT] = {SIGINT, SIGQUIT};

static struct {
  pthread_mutex_t mutex;
  int holders;
  struct sigaction before[HELD_COUNT];
} held = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void command_hold_signals(void) {
  const struct sigaction ignore = {.sa_handler = SIG_IGN};
  pthread_mutex_lock(&held.mutex);
  if (held.holders++ == 0)
    for (int i = 0; i < HELD_COUNT; i++) sigaction(held_signals[i], &ignore, &held.before[i]);
  pthread_mutex_unlock(&held.mutex);
}

void command_let_signals(void) {
  pthread_mutex_lock(&held.mutex);
  if (--held.holders == 0)
    for (int i = 0; i < HELD_COUNT; i++) sigaction(held_signals[i], &held.before[i], NULL);
  pthread_mutex_unlock(&held.mutex);
}

/* The signals that a command finds as if nobody held them. */
static void defaults_of_command(sigset_t *defaults) {
  sigemptyset(defaults);
  pthread_mutex_lock(&held.mutex);
  for (int i = 0; i < HELD_COUNT && held.holders > 0; i++)
    if (held.before[i].sa_handler != SIG_IGN) sigaddset(defaults, held_signals[i]);
  pthread_mutex_unlock(&held.mutex);
}

static int set_signals(posix_spawnattr_t *attributes) {
  sigset_t defaults, none;
  defaults_of_command(&defaults);
  sigemptyset(&none);
  int failed = posix_spawnattr_setsigdefault(attributes, &defaults);
  if (!failed) failed = posix_spawnattr_setsigmask(attributes, &none);
  if (!failed) failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  return failed;
}

static int spawn_shell(pid_t *pid, const char *text, const posix_spawn_file_actions_t *actions) {
  /* posix_spawn takes the arguments as they are in C, without const. */
  char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"--"}, (char *)(uintptr_t)text, NULL};
  posix_spawnattr_t attributes;
  int failed = posix_spawnattr_init(&attributes);
  if (failed) return failed;
  failed = set_signals(&attributes);
  if (!failed) failed = posix_spawn(pid, "/bin/sh", actions, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

static status start(struct command *c, const char *text, const posix_spawn_file_actions_t *actions) {
  pid_t pid = 0;
  const int failed = spawn_shell(&pid, text, actions);
  if (failed) return -failed;
  *c = (struct command){.pid = (int32_t)pid, .starter = process_pid(), .pidfd = -1};
  if (process_watch(&c->pidfd, pid)) c->pidfd = -1;
  return STATUS_OK;
}

status command_start(struct command *c, const char *text) { return start(c, text, NULL); }

static status start_with(struct command *c, const char *text, int descriptor, int as) {
  posix_spawn_file_actions_t actions;
  const int failed = posix_spawn_file_actions_init(&actions);
  if (failed) return -failed;
  const int refused = posix_spawn_file_actions_adddup2(&actions, descriptor, as);
  const status st = refused ? -refused : start(c, text, &actions);
  posix_spawn_file_actions_destroy(&actions);
  return st;
}

status command_open(struct command *c, const char *text, enum command_stream direction, FILE **stream) {
  const bool is_output = direction == COMMAND_OUTPUT;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return -errno;
  const int ours = ends[is_output ? 0 : 1], theirs = ends[is_output ? 1 : 0];
  FILE *made = fdopen(ours, is_output ? "r" : "w");
  status st = made ? STATUS_OK : -errno;
  if (!st) st = start_with(c, text, theirs, is_output ? STDOUT_FILENO : STDIN_FILENO);
  close(theirs);
  if (!st)
    *stream = made;
  else if (made)
    fclose(made);
  else
    close(ours);
  return st;
}

static void forget(struct command *c) {
  if (c->pidfd >= 0) process_unwatch(c->pidfd);
  c->pidfd = -1;
}

status command_reap(struct command *c, int *report) {
  forget(c);
  if (c->starter != process_pid()) return -ECHILD;
  pid_t result;
  do result = waitpid(c->pid, report, 0);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : STATUS_OK;
}

struct command_end command_end_of(int report) {
  if (WIFSIGNALED(report)) return (struct command_end){false, WTERMSIG(report)};
  return (struct command_end){true, WIFEXITED(report) ? WEXITSTATUS(report) : report};
}

bool command_reap_if_ended(struct command *c) {
  if (c->starter == process_pid() && waitpid(c->pid, NULL, WNOHANG) == 0) return false;
  forget(c);
  return true;
}

void command_kill(const struct command *c) {
  if (c->pidfd >= 0 && c->starter == process_pid()) process_end_with_children(c->pid);
}
