/* SPDX-License-Identifier: MIT */
/* A child that shares the segment, does one deed, and dies at a kill point or survives. For tests
 * in this folder.
 */
#ifndef DOOMED_CHILD_H
#define DOOMED_CHILD_H

#include "channel/message_refs.h"
#include "shared/kill_point.h"
#include "sharing_child.h"

struct doom {
  void (*act)(void *scene);
  void *scene;
  long point;
};

static void arm_and_act(void *doom) {
  const struct doom *d = doom;
  kill_point_arm(NULL, d->point);
  d->act(d->scene);
}

/* Runs a child that dies at the `point`-th point (0: none). True: it died there; *place is its
 * slot, not swept. */
static bool run_doomed_child(void (*act)(void *scene), void *scene, long point, struct child_slot *place) {
  struct doom doom = {act, scene, point};
  const int report = run_sharing_child(arm_and_act, &doom, place);
  CHECK(WIFSIGNALED(report) || WEXITSTATUS(report) == 0);
  return WIFSIGNALED(report);
}

/* For each deed: one_death(deed, n) for n = 1, 2, … until the child survives. Checks that there are
 * points to die at, and that they end. */
static void die_at_each_point(bool (*one_death)(size_t deed, long point), size_t deeds, long most) {
  for (size_t deed = 0; deed < deeds; deed++) {
    long point = 1;
    while (one_death(deed, point)) CHECK(++point < most);
    CHECK(point > 4);
  }
}

/* Shares a segment, and runs die_at_each_point. */
static inline void run_kill_test(bool (*one_death)(size_t deed, long point), size_t deeds, long most) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  die_at_each_point(one_death, deeds, most);
}

#endif
