/* SPDX-License-Identifier: MIT */
/* Stream sockets to other programs. An address is one of
 *
 *     /path        a Unix socket
 *     @name        a Unix socket in the abstract namespace, which leaves no file behind
 *     host:port    TCP; port 0 of a listener chooses one
 *     [::1]:port   TCP, version 6
 *
 * No function raises SIGPIPE; all descriptors are close-on-exec and do not block, and
 * belong to the caller.
 */
#ifndef OS_STREAM_H
#define OS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/status.h"

enum { STREAM_ADDRESS_MAX = 300 };

/* STATUS_MALFORMED: no address; -EADDRINUSE, … A file of that name that nobody listens at is replaced. *bound
 * is the address as others need it. */
MUST_CHECK status stream_listen(const char *address, int *fd, char bound[STREAM_ADDRESS_MAX]);
/* -EAGAIN: nobody is there. */
MUST_CHECK status stream_accept(int listener, int *fd);
/* STATUS_TIMEOUT, STATUS_INTERRUPTED; -ECONNREFUSED, -ENOENT, … Looking up a host's name may take longer. */
MUST_CHECK status stream_connect(const char *address, deadline until, int *fd);
/* Removes what a Unix listener left in the file system. */
void stream_forget_address(const char *address);
/* Sends what fits: *sent bytes, maybe none. STATUS_CLOSED: the other side is gone. */
MUST_CHECK status stream_send(int fd, const void *data, size_t size, size_t *sent);
/* What is there, at most `size` bytes. -EAGAIN: nothing yet. STATUS_CLOSED. */
MUST_CHECK status stream_receive(int fd, void *data, size_t size, size_t *received);
/* Until it can be written to (or read from). */
MUST_CHECK status stream_wait(int fd, bool to_write, deadline until);
/* The other side is a process of this user, or cannot be asked: a socket of TCP. */
bool stream_is_own_user(int fd);
/* A negative descriptor is allowed. Bytes that are not sent yet are still sent by the system. */
void stream_close(int fd);

#endif
