/* SPDX-License-Identifier: MIT */
#include "helper/tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PACKET_MAX = 512, CHANNEL = 0, MAKER = 1, PROGRAM = 2, WATCHED = 3 };

struct tracked {
  struct tracked *next;
  unsigned long long inode;
  char path[PACKET_MAX];
};

static void path_of(const char *name, char path[PACKET_MAX]) {
  snprintf(path, PACKET_MAX, "/dev/shm/%s", name + (name[0] == '/'));
}

static void add(struct tracked **list, const char *text) {
  char *name = NULL;
  const unsigned long long inode = strtoull(text, &name, 10);
  struct tracked *t = malloc(sizeof *t);
  if (!t || *name != ' ') {
    free(t);
    return;
  }
  t->inode = inode;
  path_of(name + 1, t->path);
  t->next = *list;
  *list = t;
}

static void drop(struct tracked **list, const char *name) {
  char path[PACKET_MAX];
  path_of(name, path);
  for (struct tracked **place = list; *place; place = &(*place)->next) {
    struct tracked *t = *place;
    if (strcmp(t->path, path) != 0) continue;
    *place = t->next;
    free(t);
    return;
  }
}

/* The name may stand for another program's file by now. */
static void remove_all(const struct tracked *list) {
  for (const struct tracked *t = list; t; t = t->next) {
    struct stat facts;
    if (stat(t->path, &facts) == 0 && facts.st_ino == t->inode) unlink(t->path);
  }
}

/* Reads the packets that are there. False: no more will come. */
static bool read_packets(int channel, struct tracked **list, bool *is_kept) {
  char packet[PACKET_MAX + 1];
  for (;;) {
    const ssize_t size = recv(channel, packet, PACKET_MAX, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN;
    if (size == 0) return false;
    packet[size] = '\0';
    if (packet[0] == '+') add(list, packet + 1);
    if (packet[0] == '-') drop(list, packet + 1);
    if (packet[0] == '=') *is_kept = true;
  }
}

/* -1: there is none any more. */
static int watch(const char *pid) { return (int)syscall(SYS_pidfd_open, (int)strtol(pid, NULL, 10), 0); }

static void leave_all_streams(int channel) {
  const int nothing = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; fd++) dup2(nothing, fd);
  if (channel > 3) syscall(SYS_close_range, 3, channel - 1, 0);
  syscall(SYS_close_range, channel + 1, INT_MAX, 0);
}

int tracker_main(char **argv) {
  const int channel = (int)strtol(argv[CHANNEL], NULL, 10);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  leave_all_streams(channel);
  if (chdir("/")) return 1;
  struct pollfd watched[WATCHED] = {{.fd = channel, .events = POLLIN},
                                    {.fd = watch(argv[MAKER]), .events = POLLIN},
                                    {.fd = watch(argv[PROGRAM]), .events = POLLIN}};
  struct tracked *list = NULL;
  bool is_kept = false, has_maker = watched[MAKER].fd >= 0, has_program = watched[PROGRAM].fd >= 0;
  while (has_program && (has_maker || (is_kept && list))) {
    if (poll(watched, WATCHED, -1) < 0) continue;
    has_maker = has_maker && !watched[MAKER].revents;
    has_program = !watched[PROGRAM].revents;
    if (watched[CHANNEL].fd >= 0 && !read_packets(channel, &list, &is_kept)) watched[CHANNEL].fd = -1;
    if (!has_maker) watched[MAKER].fd = -1;
  }
  if (watched[CHANNEL].fd >= 0) (void)read_packets(channel, &list, &is_kept);
  remove_all(list);
  return 0;
}
