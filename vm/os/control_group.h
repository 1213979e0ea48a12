/* SPDX-License-Identifier: MIT */
/* The limits that control groups set this process. The least one of its group and of those above it, up to
 * the root of the tree, counts: in a container the path of the group may be one outside of it, which is not
 * there, and the root is the container's own. Both versions of control groups. Any thread.
 */
#ifndef OS_CONTROL_GROUP_H
#define OS_CONTROL_GROUP_H

#include <stdint.h>

/* Where the groups are: the file that names those of a process, and the tree that has them. */
struct control_groups {
  const char *names;
  const char *root;
};

/* Those of this process. */
extern const struct control_groups control_groups_own;

/* Bytes; UINT64_MAX: no limit. */
uint64_t control_group_memory(struct control_groups groups);
/* How many processors the quota pays for, rounded up; INT_MAX: there is none. */
int control_group_processors(struct control_groups groups);
/* For how long threads have stood still because a quota was used up; 0: not at all, or unknown. */
int64_t control_group_throttled_ns(struct control_groups groups);

#endif
