/* SPDX-License-Identifier: MIT */
/* A file of lines: processes that append at once, some of which are killed, lose nothing of the others; it is bounded, and
 * private. */
#include "os/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "os/regular_file.h"

enum { WRITERS = 4, LINES = 40, MOST = 1 << 20 };

static char folder[64];
static char path[128];

static void append(const char *line, size_t most) {
  CHECK_EQ(line_file_append(path, line, strlen(line), most), STATUS_OK);
}

static struct bytes contents(void) {
  struct bytes all;
  bytes_init(&all);
  CHECK_EQ(regular_file_read(path, MOST, &all), STATUS_OK);
  CHECK_EQ(bytes_append(&all, "", 1), STATUS_OK);
  return all;
}

static void it_is_private(void) {
  struct stat facts;
  append("first\n", MOST);
  append("second\n", MOST);
  CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
  struct bytes all = contents();
  CHECK(strcmp((char *)all.data, "first\nsecond\n") == 0);
  bytes_fini(&all);
}

static void write_lines(int writer) {
  char line[32];
  for (int i = 0; i < LINES; i++) {
    snprintf(line, sizeof line, "w%d line %d\n", writer, i);
    append(line, MOST);
  }
}

/* Appends, and has the file replaced each time, until it is killed. */
static void disturb(void) {
  for (;;) append("noise noise noise noise noise noise noise\n", MOST);
}

static void writers_lose_nothing(void) {
  pid_t writers[WRITERS];
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = fork();
    if (writers[i] == 0) {
      write_lines(i);
      _exit(0);
    }
    const pid_t killed = fork();
    if (killed == 0) disturb();
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    kill(killed, SIGKILL);
    CHECK_EQ(waitpid(killed, NULL, 0), killed);
  }
  for (int i = 0; i < WRITERS; i++) {
    int code = -1;
    CHECK(waitpid(writers[i], &code, 0) == writers[i] && code == 0);
  }
  struct bytes all = contents();
  char line[32];
  for (int i = 0; i < WRITERS * LINES; i++) {
    snprintf(line, sizeof line, "w%d line %d\n", i / LINES, i % LINES);
    CHECK(strstr((char *)all.data, line) != NULL);
  }
  bytes_fini(&all);
}

static void it_is_bounded(void) {
  char line[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(line, sizeof line, "number %d\n", i);
    append(line, 1000);
  }
  struct bytes all = contents();
  CHECK(all.len <= 1001 && all.len > 200);
  CHECK(strncmp((char *)all.data, "number ", 7) == 0);
  CHECK(strstr((char *)all.data, "number 999\n") != NULL);
  bytes_fini(&all);
}

static void what_is_no_file_is_refused(void) {
  unlink(path);
  CHECK_EQ(mkfifo(path, 0600), 0);
  CHECK_EQ(line_file_append(path, "x\n", 2, MOST), -EINVAL);
  unlink(path);
  CHECK_EQ(line_file_append("/proc/none/such", "x\n", 2, MOST), -ENOENT);
}

int main(void) {
  strcpy(folder, "line_file.XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/a/b/lines", folder);
  it_is_private();
  writers_lose_nothing();
  it_is_bounded();
  what_is_no_file_is_refused();
  return 0;
}
