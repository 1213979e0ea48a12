/* SPDX-License-Identifier: MIT */
/* The limits of control groups of both versions, in trees that the test makes. */
#include "os/control_group.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/check.h"
#include "os/pages.h"

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  fputs(text, file);
  fclose(file);
}

static uint64_t memory(const char *names, const char *root) {
  return control_group_memory((struct control_groups){names, root});
}

static int processors(const char *names, const char *root) {
  return control_group_processors((struct control_groups){names, root});
}

static int64_t throttled(const char *names, const char *root) {
  return control_group_throttled_ns((struct control_groups){names, root});
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void the_least_limit_up_to_the_root_counts(void) {
  CHECK_EQ(mkdir("two", 0700), 0);
  CHECK_EQ(mkdir("two/a", 0700), 0);
  CHECK_EQ(mkdir("two/a/b", 0700), 0);
  write_file("groups", "0::/a/b\n");
  CHECK_EQ(memory("groups", "two"), (int64_t)UINT64_MAX);
  write_file("two/a/b/memory.max", "max\n");
  CHECK_EQ(memory("groups", "two"), (int64_t)UINT64_MAX);
  write_file("two/a/memory.max", "5000000\n");
  CHECK_EQ(memory("groups", "two"), 5000000);
  write_file("two/a/b/memory.max", "4000000\n");
  write_file("two/memory.max", "9000000\n");
  CHECK_EQ(memory("groups", "two"), 4000000);
}

/* In a container the path is one outside, and the root of the tree is the container's own. */
static void a_group_that_is_not_there_has_the_limit_of_the_root(void) {
  write_file("groups", "0::/../elsewhere/c\n");
  CHECK_EQ(memory("groups", "two"), 9000000);
}

static void version_one_has_a_line_for_memory(void) {
  CHECK_EQ(mkdir("one", 0700), 0);
  CHECK_EQ(mkdir("one/memory", 0700), 0);
  CHECK_EQ(mkdir("one/memory/x", 0700), 0);
  write_file("groups", "9:cpu,cpuacct:/y\n7:memory:/x\n1:name=systemd:/z\n");
  write_file("one/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write_file("one/memory/x/memory.limit_in_bytes", "7000000\n");
  CHECK_EQ(memory("groups", "one"), 7000000);
}

static void bad_files_are_no_limit(void) {
  write_file("groups", "nonsense\n0:\n\n::\n");
  CHECK_EQ(memory("groups", "nowhere"), (int64_t)UINT64_MAX);
  CHECK_EQ(memory("no such file", "two"), (int64_t)UINT64_MAX);
}

/* ---- processors ------------------------------------------------------------------------------ */

static void the_least_quota_up_to_the_root_counts(void) {
  write_file("groups", "0::/a/b\n");
  CHECK_EQ(processors("groups", "two"), INT_MAX);
  write_file("two/a/b/cpu.max", "max 100000\n");
  CHECK_EQ(processors("groups", "two"), INT_MAX);
  write_file("two/a/cpu.max", "400000 100000\n");
  CHECK_EQ(processors("groups", "two"), 4);
  write_file("two/a/b/cpu.max", "250000 100000\n");
  CHECK_EQ(processors("groups", "two"), 3);
  write_file("two/a/b/cpu.max", "200000 100000\n");
  CHECK_EQ(processors("groups", "two"), 2);
  write_file("two/a/b/cpu.max", "5000 100000\n");
  CHECK_EQ(processors("groups", "two"), 1);
}

/* In a container the path is one outside, and the root of the tree is the container's own. */
static void a_group_that_is_not_there_has_the_quota_of_the_root(void) {
  write_file("groups", "0::/../elsewhere/c\n");
  write_file("two/cpu.max", "700000 100000\n");
  CHECK_EQ(processors("groups", "two"), 7);
}

static void version_one_has_a_line_and_two_files(void) {
  CHECK_EQ(mkdir("one/cpu", 0700), 0);
  CHECK_EQ(mkdir("one/cpu/x", 0700), 0);
  write_file("groups", "9:memory:/y\n7:cpu,cpuacct:/x\n1:name=systemd:/z\n");
  write_file("one/cpu/x/cpu.cfs_period_us", "100000\n");
  write_file("one/cpu/x/cpu.cfs_quota_us", "-1\n");
  CHECK_EQ(processors("groups", "one"), INT_MAX);
  write_file("one/cpu/x/cpu.cfs_quota_us", "150000\n");
  CHECK_EQ(processors("groups", "one"), 2);
}

static void bad_files_are_no_quota(void) {
  write_file("groups", "nonsense\n0:\n\n::\n");
  CHECK_EQ(processors("groups", "nowhere"), INT_MAX);
  CHECK_EQ(processors("no such file", "two"), INT_MAX);
  write_file("groups", "0::/a\n");
  write_file("two/cpu.max", "");
  write_file("two/a/cpu.max", "100000 0\n");
  CHECK_EQ(processors("groups", "two"), INT_MAX);
  write_file("two/a/cpu.max", "9223372036854775807 1\n");
  CHECK_EQ(processors("groups", "two"), INT_MAX);
}

/* ---- throttled ------------------------------------------------------------------------------- */

static void both_versions_tell_how_long_they_throttled(void) {
  write_file("groups", "0::/a\n");
  CHECK_EQ(throttled("groups", "two"), 0);
  write_file("two/a/cpu.stat", "usage_usec 9\nnr_throttled 2\nthrottled_usec 7\n");
  CHECK_EQ(throttled("groups", "two"), 7000);
  write_file("groups", "7:cpu,cpuacct:/x\n");
  write_file("one/cpu/x/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 8000\n");
  CHECK_EQ(throttled("groups", "one"), 8000);
  write_file("one/cpu/x/cpu.stat", "nr_periods 5\n");
  CHECK_EQ(throttled("groups", "one"), 0);
  CHECK_EQ(throttled("no such file", "one"), 0);
}

int main(void) {
  the_least_limit_up_to_the_root_counts();
  a_group_that_is_not_there_has_the_limit_of_the_root();
  version_one_has_a_line_for_memory();
  bad_files_are_no_limit();
  the_least_quota_up_to_the_root_counts();
  a_group_that_is_not_there_has_the_quota_of_the_root();
  version_one_has_a_line_and_two_files();
  bad_files_are_no_quota();
  both_versions_tell_how_long_they_throttled();
  CHECK(pages_limit() > 1 << 20);
  return 0;
}
