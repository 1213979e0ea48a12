/* SPDX-License-Identifier: MIT */
/* Leases on tasks (or items of a queue) that this process has taken: renewed by a thread of its
 * own, outside of every VM, so that a script that computes for an hour keeps what it holds.
 *
 * A lease is the time since an entry of a stream was delivered or renewed. Each renewal is one call
 * of the script `heartbeat` (bindings/lua/broker/redis/scripts) with all that is held: the script
 * returns the entries that belong to another process by now, or whose result is not awaited any
 * more. The thread has its own connection, and opens it again for as long as it takes.
 *
 * The owner's calls come from one thread at a time; they do not wait, but for lease_close.
 */
#ifndef REDIS_LEASE_H
#define REDIS_LEASE_H

#include <stdint.h>

#include "redis/connection.h"

struct lease;

enum { LEASE_KEY_MAX = 256, LEASE_ID_MAX = 64 };

/* One entry that is held. */
struct lease_entry {
  char stream[LEASE_KEY_MAX]; /* its key */
  char owner[LEASE_KEY_MAX];  /* key of the hash in which `seq` stands while it is awaited; "": it is not */
  char seq[LEASE_ID_MAX];
  char id[LEASE_ID_MAX];
};

/* What became of one that was held. */
enum lease_news { LEASE_LOST = 'L', LEASE_FORGOTTEN = 'F' };

struct lease_settings {
  struct redis_settings server;
  const char *script;
  const char *fixed[4]; /* KEYS[1], KEYS[2]; ARGV[1], ARGV[2]: the registry, and our name */
  const char *text;     /* as lease_tell's, from the first renewal on */
  double interval;      /* seconds between two renewals */
};

/* Begins at once. Copies what it is given. */
MUST_CHECK status lease_open(const struct lease_settings *settings, struct lease **out);
/* Ends the thread, which may take as long as a renewal; in a forked child it only frees. */
void lease_close(struct lease *l);
/* -ENOMEM */
MUST_CHECK status lease_add(struct lease *l, const struct lease_entry *entry);
void lease_remove(struct lease *l, const char *id);
/* Status text sent with each heartbeat, ARGV[3]. -ENOMEM */
MUST_CHECK status lease_tell(struct lease *l, const char *text, size_t size);
/* The next lease event: false, there is none. */
bool lease_news(struct lease *l, enum lease_news *what, char id[LEASE_ID_MAX]);
/* Seconds since the last renewal that was answered; since the start, if there was none. */
double lease_age(struct lease *l);

#endif
