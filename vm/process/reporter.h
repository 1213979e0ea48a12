/* SPDX-License-Identifier: MIT */
/* A reporter: the process that reaps children of this process in its place, and writes their exit
 * codes into their worker statuses. That is a fork server.
 *
 * It is shared by the connection to the fork server and by each child that the server has made, so
 * a child can tell a report that is late from one that will never come.
 *
 * I1  A status to which the reporter may still write is not freed before it has written, or is
 *     gone: an owner that no longer waits leaves the status here.
 *
 * Any thread.
 */
#ifndef PROCESS_REPORTER_H
#define PROCESS_REPORTER_H

#include "process/worker_status.h"

struct reporter;

/* A reporter with one user, the caller. `pid` is a child of this process that is not reaped. */
MUST_CHECK status reporter_make(int32_t pid, struct reporter **out);
void reporter_retain(struct reporter *r);
/* The last user's release frees it. The process has ended by then, or ends with this one. */
void reporter_release(struct reporter *r);
/* In a forked child: closes the copy of the descriptor. */
void reporter_forget(struct reporter *r);
/* Whether the process still runs, stopped or not. */
bool reporter_lives(const struct reporter *r);
/* Waits for its end. STATUS_OK, STATUS_TIMEOUT or STATUS_INTERRUPTED. */
MUST_CHECK status reporter_await_end(const struct reporter *r, deadline until);
/* Takes over a status that was not reported (I1). */
void reporter_leave_status(struct reporter *r, struct worker_status *s);

#endif
