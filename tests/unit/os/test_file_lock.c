/* SPDX-License-Identifier: MIT */
/* A lock of a file excludes all others, and ends with its process, also where a fork of that lives on. */
#include "os/file_lock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static char folder[] = "/tmp/manymoons-file-lock-XXXXXX", path[sizeof folder + 8];

static struct file_lock open_lock(void) {
  struct file_lock f;
  CHECK_EQ(file_lock_open(path, &f), STATUS_OK);
  return f;
}

static void it_excludes_others_of_this_process(void) {
  struct file_lock a = open_lock(), b = open_lock();
  CHECK_EQ(file_lock_try(&a), STATUS_OK);
  CHECK_EQ(file_lock_try(&b), STATUS_TIMEOUT);
  file_lock_release(&a);
  CHECK_EQ(file_lock_try(&b), STATUS_OK);
  file_lock_close(&b);
  CHECK_EQ(file_lock_try(&a), STATUS_OK);
  file_lock_close(&a);
  file_lock_close(&a);
  CHECK_EQ(file_lock_try(&a), STATUS_CLOSED);
}

/* A process that takes the lock, forks, tells so, and waits to be killed; its fork says its pid and sleeps. */
static void hold_and_fork(int said) {
  struct file_lock f = open_lock();
  CHECK_EQ(file_lock_try(&f), STATUS_OK);
  if (fork() == 0) {
    CHECK_EQ(file_lock_try(&f), STATUS_CLOSED);
    const pid_t self = getpid();
    CHECK_EQ(write(said, &self, sizeof self), sizeof self);
  }
  for (;;) pause();
}

static void it_ends_with_its_process_though_a_fork_lives(void) {
  int ends[2];
  pid_t heir = 0;
  CHECK_EQ(pipe(ends), 0);
  const pid_t holder = fork();
  CHECK(holder >= 0);
  if (holder == 0) hold_and_fork(ends[1]);
  CHECK_EQ(read(ends[0], &heir, sizeof heir), sizeof heir);
  struct file_lock f = open_lock();
  CHECK_EQ(file_lock_try(&f), STATUS_TIMEOUT);
  CHECK_EQ(kill(holder, SIGKILL), 0);
  CHECK_EQ(waitpid(holder, NULL, 0), holder);
  CHECK_EQ(file_lock_try(&f), STATUS_OK);
  CHECK_EQ(kill(heir, SIGKILL), 0);
  file_lock_close(&f);
}

static void refusals_have_a_reason(void) {
  struct file_lock f;
  CHECK_EQ(file_lock_open(folder, &f), -EISDIR);
  CHECK_EQ(file_lock_open("/nowhere/at/all", &f), -ENOENT);
}

int main(void) {
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/lock", folder);
  it_excludes_others_of_this_process();
  it_ends_with_its_process_though_a_fork_lives();
  refusals_have_a_reason();
  unlink(path);
  rmdir(folder);
  return EXIT_SUCCESS;
}
