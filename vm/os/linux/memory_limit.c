/* SPDX-License-Identifier: MIT */
/* Control groups of both versions. A line of /proc/self/cgroup is "0::/path" in version 2 and
 * "7:memory:/path" in version 1. In a container the path may be one outside, which is not there:
 * the groups above it are looked at, too, up to the root of the tree, which is the container's own.
 */
#include "os/memory_limit.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "os/pages.h"

/* "max", or a file that is not there, is no limit. */
static uint64_t read_limit(const char *path) {
  uint64_t limit = UINT64_MAX;
  FILE *file = fopen(path, "re");
  if (!file) return UINT64_MAX;
  if (fscanf(file, "%" SCNu64, &limit) != 1) limit = UINT64_MAX;
  fclose(file);
  return limit;
}

static uint64_t lesser(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The least limit of the group and of those above it. */
static uint64_t limit_of_path(const char *tree, char *group, const char *file) {
  uint64_t limit = UINT64_MAX;
  char path[2 * PATH_MAX];
  for (;;) {
    snprintf(path, sizeof path, "%s%s/%s", tree, group, file);
    limit = lesser(limit, read_limit(path));
    char *last = strrchr(group, '/');
    if (!last) return limit;
    *last = '\0';
  }
}

static uint64_t limit_of_line(char *line, const char *root) {
  char tree[PATH_MAX];
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group) return UINT64_MAX;
  *controllers++ = '\0';
  *group++ = '\0';
  group[strcspn(group, "\n")] = '\0';
  if (*controllers == '\0') return limit_of_path(root, group, "memory.max");
  if (strcmp(controllers, "memory") != 0) return UINT64_MAX;
  snprintf(tree, sizeof tree, "%s/memory", root);
  return limit_of_path(tree, group, "memory.limit_in_bytes");
}

uint64_t memory_limit_of_groups(const char *groups, const char *root) {
  uint64_t limit = UINT64_MAX;
  char line[PATH_MAX];
  FILE *file = fopen(groups, "re");
  if (!file) return UINT64_MAX;
  while (fgets(line, sizeof line, file)) limit = lesser(limit, limit_of_line(line, root));
  fclose(file);
  return limit;
}

uint64_t memory_limit(void) {
  return lesser(pages_physical(), memory_limit_of_groups("/proc/self/cgroup", "/sys/fs/cgroup"));
}
