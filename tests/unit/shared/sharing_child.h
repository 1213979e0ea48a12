/* SPDX-License-Identifier: MIT */
/* A child that shares the objects which this process holds. For tests in this folder. */
#ifndef SHARING_CHILD_H
#define SHARING_CHILD_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "os/process.h"
#include "shared/holds.h"
#include "shared/sweep.h"

/* Runs act(scene) in such a child and returns its wait status. *place is its slot, not swept. */
static inline int run_sharing_child(void (*act)(void *scene), void *scene, struct child_slot *place) {
  CHECK_EQ(segment_reserve_slot(place), STATUS_OK);
  segment_share_with_child(place->slot, NULL);
  pid_t pid = -1;
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  CHECK(pid >= 0);
  if (pid == 0) {
    segment_after_fork(place->slot);
    act(scene);
    _exit(0);
  }
  int report = 0;
  CHECK_EQ(waitpid(pid, &report, 0), pid);
  return report;
}

struct last_deed {
  void (*act)(void);
};

static inline void act_and_die(void *deed) {
  ((struct last_deed *)deed)->act();
  raise(SIGKILL);
}

/* Runs `act` in a child that is killed before it releases anything, and sweeps the child's slot. */
static inline void kill_after(void (*act)(void)) {
  struct last_deed deed = {act};
  struct child_slot place;
  const int report = run_sharing_child(act_and_die, &deed, &place);
  CHECK(WIFSIGNALED(report) && WTERMSIG(report) == SIGKILL);
  segment_forget_child(place);
  segment_forget_child(place); /* may be done twice */
}

#endif
