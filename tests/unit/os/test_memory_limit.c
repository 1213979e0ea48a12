/* SPDX-License-Identifier: MIT */
/* The limits of control groups of both versions, in a tree that the test makes. */
#include "os/memory_limit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/check.h"

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  fputs(text, file);
  fclose(file);
}

static void the_least_limit_up_to_the_root_counts(void) {
  CHECK_EQ(mkdir("two", 0700), 0);
  CHECK_EQ(mkdir("two/a", 0700), 0);
  CHECK_EQ(mkdir("two/a/b", 0700), 0);
  write_file("groups", "0::/a/b\n");
  CHECK_EQ(memory_limit_of_groups("groups", "two"), (int64_t)UINT64_MAX);
  write_file("two/a/b/memory.max", "max\n");
  CHECK_EQ(memory_limit_of_groups("groups", "two"), (int64_t)UINT64_MAX);
  write_file("two/a/memory.max", "5000000\n");
  CHECK_EQ(memory_limit_of_groups("groups", "two"), 5000000);
  write_file("two/a/b/memory.max", "4000000\n");
  write_file("two/memory.max", "9000000\n");
  CHECK_EQ(memory_limit_of_groups("groups", "two"), 4000000);
}

/* In a container the path is one outside, and the root of the tree is the container's own. */
static void a_group_that_is_not_there_has_the_limit_of_the_root(void) {
  write_file("groups", "0::/../elsewhere/c\n");
  CHECK_EQ(memory_limit_of_groups("groups", "two"), 9000000);
}

static void version_one_has_a_line_for_memory(void) {
  CHECK_EQ(mkdir("one", 0700), 0);
  CHECK_EQ(mkdir("one/memory", 0700), 0);
  CHECK_EQ(mkdir("one/memory/x", 0700), 0);
  write_file("groups", "9:cpu,cpuacct:/y\n7:memory:/x\n1:name=systemd:/z\n");
  write_file("one/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write_file("one/memory/x/memory.limit_in_bytes", "7000000\n");
  CHECK_EQ(memory_limit_of_groups("groups", "one"), 7000000);
}

static void bad_files_are_no_limit(void) {
  write_file("groups", "nonsense\n0:\n\n::\n");
  CHECK_EQ(memory_limit_of_groups("groups", "nowhere"), (int64_t)UINT64_MAX);
  CHECK_EQ(memory_limit_of_groups("no such file", "two"), (int64_t)UINT64_MAX);
}

int main(void) {
  the_least_limit_up_to_the_root_counts();
  a_group_that_is_not_there_has_the_limit_of_the_root();
  version_one_has_a_line_for_memory();
  bad_files_are_no_limit();
  CHECK(memory_limit() > 1 << 20);
  return 0;
}
