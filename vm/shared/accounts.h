/* SPDX-License-Identifier: MIT */
/* Accounts: how much shared memory the VMs with a limit have made and nobody has taken or freed.
 *
 *     account := bytes u48 | generation u16, the process that opened it
 *     charge  := the account's number + 1 | its generation << 16
 *
 * I1  A charge is noted beside its block (arena.h) and names the account. Freeing the block, or
 *     taking it from a ring, credits the account, in any process.
 * I2  An account ends with its VM, or with its process. Its charges name an older generation from
 *     then on, and crediting them changes nothing.
 * I3  A process that dies while it credits a block may leave the block to be credited again: the
 *     account then allows for one block more. It never goes below 0.
 *
 * The account of the calling thread is the one of its VM (thread-local, vm/README.md). Any thread.
 */
#ifndef SHARED_ACCOUNTS_H
#define SHARED_ACCOUNTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { ACCOUNTS_MAX = 2048 };

typedef uint32_t charge_mark; /* 0: no charge */

/* In shared memory; all 0 at first. */
struct accounts {
  _Atomic uint64_t words[ACCOUNTS_MAX];  /* bytes | generation << 48 */
  _Atomic uint32_t owners[ACCOUNTS_MAX]; /* 0: the account is free */
};

/* A VM's. The limit is written by the VM's thread alone. */
struct account {
  charge_mark mark; /* 0: the VM has none */
  uint64_t limit;
  bool has_refused; /* the last charge was beyond the limit */
};

/* A new account for a VM of the process `owner`. STATUS_FULL: there are too many. */
MUST_CHECK status account_open(struct accounts *all, uint32_t owner, uint64_t limit, struct account *out);
void account_close(struct accounts *all, struct account *a);
/* Ends the accounts of a dead process. May be done twice. */
void accounts_reap(struct accounts *all, uint32_t dead);

/* -ENOMEM: it would be beyond the limit, and nothing is charged. */
MUST_CHECK status account_charge(struct accounts *all, struct account *a, uint64_t bytes);
/* Safe for any mark. */
void account_credit(struct accounts *all, charge_mark mark, uint64_t bytes);
/* Bytes charged and not credited. */
uint64_t account_bytes(const struct accounts *all, const struct account *a);

/* Aborts when an account that is free has bytes. No account may be opened or closed meanwhile. */
void accounts_validate(const struct accounts *all);

/* From now on this thread makes shared memory for the account; NULL: for none. */
void account_use(struct account *a);
/* NULL: none. */
struct account *account_current(void);

#endif
