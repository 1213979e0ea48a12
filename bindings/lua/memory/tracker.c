/* SPDX-License-Identifier: MIT */
#include "memory/tracker.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "os/mutex.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/signals.h"
#include "os/socket.h"
#include "shared/segment.h"
#include "state/launch.h"

enum { PACKET_MAX = 512 }; /* see helper/tracker.c */

/* A tracker that takes no packet for so long is stopped. */
static const double patience_seconds = 1;

struct tracker {
  struct mutex lock;
  int channel; /* -1: there is none */
  pid_t pid;
  int pidfd;
  size_t names; /* that were added and not dropped */
};

static struct tracker tracker = {.lock = MUTEX_INITIALIZER, .channel = -1}; /* see vm/README.md */

static void end_locked(void) {
  int exit_code = 0;
  if (tracker.channel < 0) return;
  socket_close(tracker.channel);
  (void)process_signal(tracker.pidfd, SIGKILL);
  while (process_wait_end(tracker.pidfd, deadline_never()) == STATUS_INTERRUPTED) continue;
  (void)!process_reap(tracker.pid, &exit_code);
  process_unwatch(tracker.pidfd);
  tracker.channel = -1;
}

static status spawn(int channel, pid_t *pid) {
  struct launch launch;
  status st = launch_prepare_tracker(&launch, channel, segment_named_blocks()->program);
  if (st) return st;
  st = process_spawn(pid, (char *const *)(uintptr_t)launch.argv, &channel, 1);
  launch_end(&launch);
  return st;
}

static void start_locked(void) {
  int ends[2];
  if (socket_pair(ends)) return;
  status st = spawn(ends[1], &tracker.pid);
  if (st == STATUS_OK) {
    st = process_watch(&tracker.pidfd, tracker.pid);
    if (st) process_kill(tracker.pid);
    if (st) (void)!process_reap(tracker.pid, &(int){0});
  }
  socket_close(ends[1]);
  if (st)
    socket_close(ends[0]);
  else
    tracker.channel = ends[0];
}

/* False: there is no tracker that takes it. */
static bool send_locked(const char *packet) {
  if (tracker.channel < 0) return false;
  struct ready watch = ready_watch_writable(tracker.channel);
  const deadline until = deadline_after(patience_seconds);
  status st = STATUS_INTERRUPTED;
  while (st == STATUS_INTERRUPTED) st = ready_wait(&watch, 1, until);
  return st == STATUS_OK && socket_send(tracker.channel, packet, strlen(packet)) == STATUS_OK;
}

static void print_add(const char *name, uint64_t inode, char packet[PACKET_MAX]) {
  snprintf(packet, PACKET_MAX, "+%llu %s", (unsigned long long)inode, name);
}

/* A new tracker learns what the one before knew. */
static void restart_locked(void) {
  struct named_block block;
  char packet[PACKET_MAX];
  end_locked();
  start_locked();
  for (size_t i = 0; i < NAMED_BLOCKS_MAX; i++) {
    if (!named_blocks_look(segment_named_blocks(), i, &block) || block.maker != process_pid()) continue;
    print_add(block.name, block.inode, packet);
    if (!send_locked(packet)) return;
  }
}

void tracker_add(const char *name, uint64_t inode) {
  char packet[PACKET_MAX];
  print_add(name, inode, packet);
  mutex_lock(&tracker.lock);
  tracker.names++;
  if (!send_locked(packet)) {
    restart_locked();
    (void)send_locked(packet);
  }
  mutex_unlock(&tracker.lock);
}

void tracker_drop(const char *name) {
  char packet[PACKET_MAX];
  snprintf(packet, sizeof packet, "-%s", name);
  mutex_lock(&tracker.lock);
  tracker.names--;
  (void)send_locked(packet);
  mutex_unlock(&tracker.lock);
}

void tracker_keep(void) {
  mutex_lock(&tracker.lock);
  (void)send_locked("=");
  mutex_unlock(&tracker.lock);
}

void tracker_end(void) {
  mutex_lock(&tracker.lock);
  if (tracker.names == 0) end_locked();
  mutex_unlock(&tracker.lock);
}

void tracker_forget(void) {
  mutex_init(&tracker.lock);
  tracker.names = 0;
  if (tracker.channel < 0) return;
  socket_close(tracker.channel);
  process_unwatch(tracker.pidfd);
  tracker.channel = -1;
}
