/* SPDX-License-Identifier: MIT */
/* Death at each instant of sending a descriptor, receiving it, ending its carrier and sweeping.
 *
 * A child runs into the n-th kill point, for n = 1, 2, … until it survives. After each death the
 * carriers that live can be received, those of the dead child leave neither an entry in the bag nor
 * a block, and a pipe whose writing ends are closed is at its end: nothing keeps a copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "os/descriptor_bag.h"
#include "shared/descriptor.h"
#include "shared/holds.h"
#include "shared/kill_point.h"

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 400, KEPT = 3 };

struct scene {
  int ends[2]; /* of a pipe; the child sends the writing end */
  object_ref kept[KEPT];
};

static void release(object_ref ref) { message_refs_drop_reference(ref); }

static void act_send_and_end(void *scene) {
  const struct scene *s = scene;
  object_ref ref = 0;
  CHECK_EQ(descriptor_send(s->ends[1], "unread", 6, &ref), STATUS_OK);
  release(ref);
}

static void act_send_and_keep(void *scene) {
  const struct scene *s = scene;
  object_ref ref = 0;
  for (int i = 0; i < 3; i++) CHECK_EQ(descriptor_send(s->ends[1], NULL, 0, &ref), STATUS_OK);
  process_exit_now(0);
}

static void act_receive_and_send(void *scene) {
  const struct scene *s = scene;
  struct bytes unread;
  int fd = -1;
  bytes_init(&unread);
  CHECK_EQ(descriptor_receive(s->kept[1], &fd, &unread), STATUS_OK);
  close(fd);
  bytes_fini(&unread);
  act_send_and_end(scene);
}

static void act_sweep(void *scene) {
  (void)scene;
  descriptor_sweep();
}

static const struct deed {
  const char *name;
  void (*act)(void *scene);
} deeds[] = {{"send and end", act_send_and_end},
             {"send and keep", act_send_and_keep},
             {"receive and send", act_receive_and_send},
             {"sweep", act_sweep}};

static void check_kept(const struct scene *s) {
  for (int i = 0; i < KEPT; i++) {
    struct bytes unread;
    int fd = -1;
    bytes_init(&unread);
    CHECK_EQ(descriptor_receive(s->kept[i], &fd, &unread), STATUS_OK);
    CHECK_EQ(unread.len, 4);
    CHECK(memcmp(unread.data, "kept", 4) == 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    bytes_fini(&unread);
  }
  descriptor_validate();
}

/* What the bag holds for others than the kept ones would keep the pipe open. */
static void check_end(const struct scene *s) {
  char byte;
  close(s->ends[1]);
  CHECK_EQ(read(s->ends[0], &byte, 1), 0);
  close(s->ends[0]);
}

static bool one_death(size_t number, long point) {
  const struct deed *deed = &deeds[number];
  const uint64_t blocks = arena_used(segment_arena());
  struct scene s;
  struct child_slot place;
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK_EQ(pipe2(s.ends, O_CLOEXEC | O_NONBLOCK), 0);
  for (int i = 0; i < KEPT; i++) CHECK_EQ(descriptor_send(null, "kept", 4, &s.kept[i]), STATUS_OK);
  const bool has_died = run_doomed_child(deed->act, &s, point, &place);
  check_kept(&s);
  segment_forget_child(place);
  check_kept(&s);
  check_end(&s);
  for (int i = 0; i < KEPT; i++) release(s.kept[i]);
  struct bytes nothing;
  int fd = -1;
  bytes_init(&nothing);
  CHECK_EQ(descriptor_receive(s.kept[0], &fd, &nothing), STATUS_FOREIGN);
  struct bag_entry entry;
  CHECK_EQ(descriptor_bag_rewind(segment_bag()), STATUS_OK);
  CHECK_EQ(descriptor_bag_next(segment_bag(), &entry), STATUS_EMPTY);
  close(null);
  CHECK_EQ(arena_used(segment_arena()), blocks);
  return has_died;
}

int main(void) {
  run_kill_test(one_death, sizeof deeds / sizeof *deeds, POINTS_MAX);
  return 0;
}

#else
int main(void) { return 0; }
#endif
