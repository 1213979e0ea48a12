/* SPDX-License-Identifier: MIT */
/* A descriptor that one process can poll and any other can make readable, without
 * having been given it.
 *
 * It is a datagram socket with an abstract name made of two numbers, which fit into one word of
 * shared memory. The name is gone with the socket. Anybody on the machine can ring; a ring says
 * "look again" and nothing else.
 */
#ifndef OS_NOTIFY_SOCKET_H
#define OS_NOTIFY_SOCKET_H

#include <stdint.h>

#include "base/status.h"

typedef uint64_t notify_name; /* 0: none */

/* A waker of this process. The caller closes *fd (close-on-exec, never blocks). */
MUST_CHECK status notify_socket_open(int *fd, notify_name *name);
/* The name is free at once. */
void notify_socket_close(int fd);
/* Makes it readable; a waker that is gone or full of rings is left alone. */
void notify_socket_notify(notify_name name);
/* Not readable any more, until the next ring. */
void notify_socket_clear(int fd);

#endif
