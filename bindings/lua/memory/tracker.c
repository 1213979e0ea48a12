/* SPDX-License-Identifier: MIT */
#include "memory/tracker.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/mutex.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/signals.h"
#include "os/socket.h"
#include "shared/segment.h"
#include "state/launch.h"

enum { PACKET_MAX = 512 }; /* see helper/tracker.c */

/* A tracker that takes no packet for so long is looked at: a stopped one is replaced at once, and one that has no
 * processor, on a busy machine, when it has not taken the packet after some looks. */
static const double look_seconds = 1;
enum { LOOKS_MAX = 20 };

/* What the tracker knows, for the next one. */
struct known {
  struct known *next;
  uint64_t inode;
  char name[];
};

struct tracker {
  struct mutex lock;
  int channel; /* -1: there is none */
  pid_t pid;
  _Atomic int32_t known_pid; /* the same for readers without the lock; 0: there is none */
  int pidfd;
  struct known *names; /* that were added and not dropped */
};

static struct tracker tracker = {.lock = MUTEX_INITIALIZER, .channel = -1}; /* see vm/README.md */

static void end_locked(void) {
  int exit_code = 0;
  if (tracker.channel < 0) return;
  socket_close(tracker.channel);
  atomic_store(&tracker.known_pid, 0);
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
  st = process_spawn_leader(pid, (char *const *)(uintptr_t)launch.argv, &channel, 1);
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
  if (st) {
    socket_close(ends[0]);
    return;
  }
  tracker.channel = ends[0];
  atomic_store(&tracker.known_pid, tracker.pid);
}

bool tracker_is(int32_t pid) { return pid == atomic_load(&tracker.known_pid); }

static status wait_for_room_locked(void) {
  struct ready watch = ready_watch_writable(tracker.channel);
  status st = STATUS_TIMEOUT;
  for (int looks = 0; st == STATUS_TIMEOUT && looks < LOOKS_MAX; looks++) {
    if (looks && process_is_stopped(tracker.pid)) return st;
    const deadline until = deadline_after(look_seconds);
    do st = ready_wait(&watch, 1, until);
    while (st == STATUS_INTERRUPTED);
  }
  return st;
}

/* False: there is no tracker that takes it. */
static bool send_locked(const char *packet) {
  if (tracker.channel < 0 || wait_for_room_locked()) return false;
  return socket_send(tracker.channel, packet, strlen(packet)) == STATUS_OK;
}

static void print_add(const char *name, uint64_t inode, char packet[PACKET_MAX]) {
  snprintf(packet, PACKET_MAX, "+%llu %s", (unsigned long long)inode, name);
}

/* A new tracker learns what the one before knew. */
static void restart_locked(void) {
  char packet[PACKET_MAX];
  end_locked();
  start_locked();
  for (const struct known *k = tracker.names; k; k = k->next) {
    print_add(k->name, k->inode, packet);
    if (!send_locked(packet)) return;
  }
}

/* Without memory the tracker alone knows the name. */
static void know_locked(const char *name, uint64_t inode) {
  const size_t size = strlen(name) + 1;
  struct known *k = memory_alloc(sizeof *k + size);
  if (!k) return;
  *k = (struct known){tracker.names, inode};
  memcpy(k->name, name, size);
  tracker.names = k;
}

/* Whether it was known. */
static bool forget_locked(const char *name) {
  for (struct known **place = &tracker.names; *place; place = &(*place)->next) {
    struct known *k = *place;
    if (strcmp(k->name, name) != 0) continue;
    *place = k->next;
    memory_free(k);
    return true;
  }
  return false;
}

void tracker_add(const char *name, uint64_t inode) {
  char packet[PACKET_MAX];
  print_add(name, inode, packet);
  mutex_lock(&tracker.lock);
  if (!send_locked(packet)) {
    restart_locked();
    (void)send_locked(packet);
  }
  know_locked(name, inode);
  mutex_unlock(&tracker.lock);
}

void tracker_drop(const char *name) {
  char packet[PACKET_MAX];
  snprintf(packet, sizeof packet, "-%s", name);
  mutex_lock(&tracker.lock);
  if (forget_locked(name)) (void)send_locked(packet);
  mutex_unlock(&tracker.lock);
}

void tracker_keep(void) {
  mutex_lock(&tracker.lock);
  (void)send_locked("=");
  mutex_unlock(&tracker.lock);
}

void tracker_end(void) {
  mutex_lock(&tracker.lock);
  if (!tracker.names) end_locked();
  mutex_unlock(&tracker.lock);
}

void tracker_forget(void) {
  mutex_init(&tracker.lock);
  while (tracker.names) (void)forget_locked(tracker.names->name);
  atomic_store(&tracker.known_pid, 0);
  if (tracker.channel < 0) return;
  socket_close(tracker.channel);
  process_unwatch(tracker.pidfd);
  tracker.channel = -1;
}
