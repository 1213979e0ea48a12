/* SPDX-License-Identifier: MIT */
/* A line of /proc/self/cgroup is "0::/path" in version 2 and "7:cpu,cpuacct:/path" in version 1. */
#include "os/control_group.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct control_groups control_groups_own = {"/proc/self/cgroup", "/sys/fs/cgroup"};

/* ---- the groups ------------------------------------------------------------------------------ */

/* Gets the folder of a group, which may not be there, and whether it is of version 2. */
typedef void group_visitor(const char *folder, bool is_version_two, void *data);

/* Whether the comma-separated list has this name. */
static bool has_name(const char *list, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == length && strncmp(at, name, length) == 0) return true;
  return false;
}

struct visit {
  group_visitor *visitor;
  void *data;
};

static void visit_path(struct visit v, const char *tree, char *group, bool is_version_two) {
  char folder[2 * PATH_MAX];
  for (;;) {
    snprintf(folder, sizeof folder, "%s%s", tree, group);
    v.visitor(folder, is_version_two, v.data);
    char *last = strrchr(group, '/');
    if (!last) return;
    *last = '\0';
  }
}

static void visit_line(struct visit v, char *line, const char *root, const char *controller) {
  char tree[PATH_MAX];
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group) return;
  *controllers++ = '\0';
  *group++ = '\0';
  group[strcspn(group, "\n")] = '\0';
  if (*controllers == '\0') {
    visit_path(v, root, group, true);
  } else if (has_name(controllers, controller)) {
    snprintf(tree, sizeof tree, "%s/%s", root, controller);
    visit_path(v, tree, group, false);
  }
}

/* Visits each group of a controller that the process is in, and those above it. */
static void visit_groups(struct control_groups groups, const char *controller, group_visitor *visit,
                         void *data) {
  char line[PATH_MAX];
  FILE *file = fopen(groups.names, "re");
  if (!file) return;
  while (fgets(line, sizeof line, file))
    visit_line((struct visit){visit, data}, line, groups.root, controller);
  fclose(file);
}

enum { FILE_PATH_MAX = 2 * PATH_MAX + 32 };

static FILE *open_in(const char *folder, const char *name) {
  char path[FILE_PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return fopen(path, "re");
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* "max", or a file that is not there, is no limit. */
static void take_memory(const char *folder, bool is_version_two, void *least) {
  uint64_t limit = 0;
  uint64_t *found = least;
  FILE *file = open_in(folder, is_version_two ? "memory.max" : "memory.limit_in_bytes");
  if (!file) return;
  if (fscanf(file, "%" SCNu64, &limit) == 1 && limit < *found) *found = limit;
  fclose(file);
}

uint64_t control_group_memory(struct control_groups groups) {
  uint64_t least = UINT64_MAX;
  visit_groups(groups, "memory", take_memory, &least);
  return least;
}

/* ---- processors ------------------------------------------------------------------------------ */

/* Reads the first two numbers of a file; returns how many there were. */
static int read_numbers(const char *folder, const char *name, int64_t numbers[2]) {
  FILE *file = open_in(folder, name);
  if (!file) return 0;
  const int count = fscanf(file, "%" SCNd64 " %" SCNd64, &numbers[0], &numbers[1]);
  fclose(file);
  return count;
}

/* "150000 100000" in version 2, "max 100000" without a quota; two files in version 1, -1 without one. */
static void take_quota(const char *folder, bool is_version_two, void *least) {
  int64_t quota[2] = {0};
  int64_t period[2] = {0};
  int *processors = least;
  if (is_version_two) {
    if (read_numbers(folder, "cpu.max", quota) != 2) return;
    period[0] = quota[1];
  } else {
    if (read_numbers(folder, "cpu.cfs_quota_us", quota) < 1) return;
    if (read_numbers(folder, "cpu.cfs_period_us", period) < 1) return;
  }
  if (quota[0] <= 0 || period[0] <= 0) return;
  const int64_t whole = (quota[0] - 1) / period[0] + 1;
  if (whole < *processors) *processors = (int)whole;
}

int control_group_processors(struct control_groups groups) {
  int least = INT_MAX;
  visit_groups(groups, "cpu", take_quota, &least);
  return least;
}

static void take_throttled(const char *folder, bool is_version_two, void *most) {
  char line[128];
  int64_t value = 0;
  int64_t *found = most;
  FILE *file = open_in(folder, "cpu.stat");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, is_version_two ? "throttled_usec %" SCNd64 : "throttled_time %" SCNd64, &value) != 1)
      continue;
    if (is_version_two) value *= 1000;
    if (value > *found) *found = value;
  }
  fclose(file);
}

int64_t control_group_throttled_ns(struct control_groups groups) {
  int64_t most = 0;
  visit_groups(groups, "cpu", take_throttled, &most);
  return most;
}
