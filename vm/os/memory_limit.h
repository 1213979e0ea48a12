/* SPDX-License-Identifier: MIT */
/* How much memory this process can have: that of the machine, or less where a control group limits
 * it. Any thread.
 */
#ifndef OS_MEMORY_LIMIT_H
#define OS_MEMORY_LIMIT_H

#include <stdint.h>

/* In bytes. */
uint64_t memory_limit(void);
/* The least limit of the control groups that the file `groups` (/proc/self/cgroup) names, and of
 * those above them, in the tree below `root` (/sys/fs/cgroup); UINT64_MAX: none. */
uint64_t memory_limit_of_groups(const char *groups, const char *root);

#endif
