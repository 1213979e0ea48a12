/* SPDX-License-Identifier: MIT */
/* Death at each instant of a change of a shared table: setting, replacing, removing, growing,
 * making, ending.
 *
 * A child runs into the n-th kill point, for n = 1, 2, … until it survives. After each death the
 * table validates, each key has its old value or its new one, the table can be changed, and no
 * block is left allocated when it ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "shared/kill_point.h"
#include "shared/shared_table.h"

#if defined(MM_KILL_POINTS)

#include "doomed_child.h"

enum { POINTS_MAX = 400, KEYS = 20, MORE = 24 };

struct scene {
  struct shared_table *table; /* KEYS keys, the value of each is its key */
};

static struct shared_table_text text_of(const char *text) {
  return (struct shared_table_text){text, strlen(text)};
}

static const char *key_of(int i) {
  static char key[16];
  snprintf(key, sizeof key, "key %d", i);
  return key;
}

static void set(struct shared_table *t, int key, const char *value) {
  CHECK_EQ(shared_table_set(t, text_of(key_of(key)), text_of(value)), STATUS_OK);
}

/* The value is one of the two; NULL: none. */
static void check_value(struct shared_table *t, int key, const char *one, const char *other) {
  struct bytes found;
  bytes_init(&found);
  bool is_there = false;
  CHECK_EQ(shared_table_get(t, text_of(key_of(key)), &found, &is_there), STATUS_OK);
  const char *possible[] = {one, other};
  bool is_right = false;
  for (int i = 0; i < 2; i++) {
    const char *value = possible[i];
    is_right = is_right ||
               (value ? is_there && found.len == strlen(value) && memcmp(found.data, value, found.len) == 0
                      : !is_there);
  }
  CHECK(is_right);
  bytes_fini(&found);
}

static void act_replace(void *scene) {
  const struct scene *s = scene;
  set(s->table, 3, "new");
}

static void act_remove(void *scene) {
  const struct scene *s = scene;
  shared_table_remove(s->table, text_of(key_of(3)));
}

static void act_grow(void *scene) {
  const struct scene *s = scene;
  for (int i = KEYS; i < KEYS + MORE; i++) set(s->table, i, "more");
}

static void act_make_and_end(void *scene) {
  (void)scene;
  struct shared_table *t = NULL;
  CHECK_EQ(shared_table_make(0, &t), STATUS_OK);
  set(t, 1, "one");
  struct synchronizer *lock = NULL;
  CHECK_EQ(synchronizer_beside(&t->lock, &lock), STATUS_OK);
  segment_release(&lock->object);
  segment_release(&t->object);
}

static const struct deed {
  const char *name;
  void (*act)(void *scene);
} deeds[] = {
    {"replace", act_replace}, {"remove", act_remove}, {"grow", act_grow}, {"make and end", act_make_and_end}};

static void check_table(struct shared_table *t, const struct deed *deed) {
  set(t, 1000, "another"); /* taking the lock repairs */
  shared_table_validate(t);
  for (int i = 0; i < KEYS; i++) {
    const char *changed = i != 3 || deed->act == act_grow ? "old" : deed->act == act_replace ? "new" : NULL;
    check_value(t, i, "old", changed);
  }
  for (int i = KEYS; i < KEYS + MORE; i++) check_value(t, i, NULL, "more");
  check_value(t, 1000, "another", "another");
  shared_table_remove(t, text_of(key_of(1000)));
  shared_table_validate(t);
}

static bool one_death(size_t number, long point) {
  const struct deed *deed = &deeds[number];
  const uint64_t blocks = arena_used(segment_arena());
  struct scene s = {NULL};
  struct child_slot place;
  CHECK_EQ(shared_table_make(0, &s.table), STATUS_OK);
  for (int i = 0; i < KEYS; i++) set(s.table, i, "old");
  const uint32_t changes = shared_table_changes(s.table);
  atomic_fetch_or(&s.table->watchers, 1); /* so that a change wakes a waker */
  const bool has_died = run_doomed_child(deed->act, &s, point, &place);
  check_table(s.table, deed);
  CHECK_EQ(shared_table_await_change(s.table, changes, deadline_now()), STATUS_OK);
  CHECK_EQ(shared_table_await_change(s.table, shared_table_changes(s.table), deadline_now()), STATUS_TIMEOUT);
  segment_forget_child(place);
  check_table(s.table, deed);
  segment_release(&s.table->object);
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
