/* SPDX-License-Identifier: MIT */
/* Leases on the tasks (or items of a queue) that this process has fetched from a broker. A thread
 * outside of every VM renews them, so that a script that computes for an hour keeps its tasks.
 *
 * A lease is the time since an entry of a stream was delivered or renewed. Each renewal is one call
 * of the script `heartbeat` (bindings/lua/broker/redis/scripts) with all entries: the script
 * returns those that belong to another process by now, or whose result is no longer awaited. The
 * thread has its own connection; after a failure it opens a new one, again and again until that
 * succeeds.
 *
 * The owner calls from one thread at a time, and ends with lease_close, which waits, or lease_leave.
 */
#ifndef REDIS_LEASE_H
#define REDIS_LEASE_H

#include <stdint.h>

#include "redis/connection.h"

struct lease;

enum { LEASE_KEY_MAX = 256, LEASE_ID_MAX = 64 };

/* One entry whose lease is renewed. */
struct lease_entry {
  char stream[LEASE_KEY_MAX]; /* its key */
  char owner[LEASE_KEY_MAX];  /* key of the hash with `seq` while it is awaited; "": none */
  char seq[LEASE_ID_MAX];
  char id[LEASE_ID_MAX];
};

/* Why an entry is no longer leased. */
enum lease_news { LEASE_LOST = 'L', LEASE_FORGOTTEN = 'F' };

struct lease_settings {
  struct redis_settings server;
  const char *script;
  const char *fixed[4]; /* KEYS[1], KEYS[2]; ARGV[1], ARGV[2]: the registry, and our name */
  const char *text;     /* the first status text; see lease_tell */
  double interval;      /* seconds between two renewals */
};

/* Starts renewing at once. Copies the settings. -ENOMEM, or why the thread cannot start. */
MUST_CHECK status lease_open(const struct lease_settings *settings, struct lease **out);
/* Ends the thread, which may take as long as a renewal. In a forked child it only frees memory. */
void lease_close(struct lease *l);
/* As lease_close, for a finalizer: without waiting. The thread frees `l` when it ends. */
void lease_leave(struct lease *l);
/* Starts renewing an entry. -ENOMEM. */
MUST_CHECK status lease_add(struct lease *l, const struct lease_entry *entry);
/* Stops renewing the entry with that id, if there is one. */
void lease_remove(struct lease *l, const char *id);
/* Sets the status text of the next heartbeats, ARGV[3]. -ENOMEM. */
MUST_CHECK status lease_tell(struct lease *l, const char *text, size_t size);
/* The next lease event. False: there is none. */
bool lease_news(struct lease *l, enum lease_news *what, char id[LEASE_ID_MAX]);
/* Seconds since the last renewal that the server answered, or since the start. */
double lease_age(struct lease *l);

#endif
