/* SPDX-License-Identifier: MIT */
/* What is wanted is told once; numbers that are closed and given to another file are noticed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "os/clock.h"
#include "os/poller.h"

enum { MANY = 8 };

static struct poller p;
static struct poller_event events[MANY];
static size_t count;

static status look(void) { return poller_wait(&p, events, MANY, &count, deadline_now()); }

static void what_is_wanted_is_told_once(void) {
  int ends[2];
  char byte;
  CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQ(poller_want(&p, ends[0], POLLER_READ), STATUS_OK);
  CHECK_EQ(look(), STATUS_TIMEOUT);
  CHECK_EQ(write(ends[1], "x", 1), 1);
  CHECK_EQ(look(), STATUS_OK);
  CHECK_EQ(count, 1);
  CHECK_EQ(events[0].fd, ends[0]);
  CHECK_EQ(events[0].what, POLLER_READ);
  CHECK_EQ(look(), STATUS_TIMEOUT); /* still readable, but not wanted again */
  CHECK_EQ(poller_want(&p, ends[0], POLLER_READ), STATUS_OK);
  CHECK_EQ(look(), STATUS_OK);
  CHECK_EQ(read(ends[0], &byte, 1), 1);
  close(ends[0]);
  close(ends[1]);
}

static void a_hang_up_is_all_that_was_wanted(void) {
  int ends[2];
  CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  CHECK_EQ(poller_want(&p, ends[0], POLLER_READ), STATUS_OK);
  close(ends[1]);
  CHECK_EQ(look(), STATUS_OK);
  CHECK(events[0].what & POLLER_READ);
  close(ends[0]);
}

static void a_number_that_is_another_file_now_is_noticed(void) {
  int ends[2];
  int others[2];
  CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQ(poller_want(&p, ends[0], POLLER_READ), STATUS_OK);
  close(ends[0]);
  close(ends[1]);
  CHECK_EQ(poller_renew(&p, ends[0], POLLER_READ), -EBADF);
  CHECK_EQ(pipe2(others, O_CLOEXEC), 0);
  CHECK_EQ(others[0], ends[0]);
  CHECK_EQ(poller_renew(&p, others[0], POLLER_READ), -ENOENT);
  CHECK_EQ(poller_want(&p, others[0], POLLER_READ), STATUS_OK);
  CHECK_EQ(write(others[1], "x", 1), 1);
  CHECK_EQ(look(), STATUS_OK);
  CHECK_EQ(events[0].fd, others[0]);
  close(others[0]);
  close(others[1]);
}

static void files_are_always_ready_and_closed_numbers_are_refused(void) {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  CHECK_EQ(poller_want(&p, file, POLLER_READ), -EPERM);
  close(file);
  CHECK_EQ(poller_want(&p, file, POLLER_READ), -EBADF);
}

static void a_wait_is_not_shorter_than_asked_for(void) {
  static const int64_t asked_ns = 3300000;
  const int64_t before = clock_now_ns();
  CHECK_EQ(poller_wait(&p, events, MANY, &count, (deadline){before + asked_ns}), STATUS_TIMEOUT);
  CHECK(clock_now_ns() - before >= asked_ns);
}

static void what_is_kept_is_told_again_until_it_is_forgotten(void) {
  int ends[2];
  CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
  CHECK_EQ(poller_keep(&p, ends[0], POLLER_READ), STATUS_OK);
  CHECK_EQ(write(ends[1], "x", 1), 1);
  CHECK_EQ(look(), STATUS_OK);
  CHECK_EQ(look(), STATUS_OK);
  poller_forget(&p, ends[0]);
  poller_forget(&p, ends[0]);
  CHECK_EQ(look(), STATUS_TIMEOUT);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  CHECK_EQ(poller_open(&p), STATUS_OK);
  what_is_wanted_is_told_once();
  a_hang_up_is_all_that_was_wanted();
  a_number_that_is_another_file_now_is_noticed();
  files_are_always_ready_and_closed_numbers_are_refused();
  a_wait_is_not_shorter_than_asked_for();
  what_is_kept_is_told_again_until_it_is_forgotten();
  poller_close(&p);
  return 0;
}
