/* SPDX-License-Identifier: MIT */
/* Local sockets: a connected pair that carries small packets between a parent and a helper process. */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include <stddef.h>

#include "base/deadline.h"
#include "base/status.h"

/* Both ends are close-on-exec; a packet arrives whole or not at all. The caller owns both. */
MUST_CHECK status socket_pair(int ends[2]);
/* Never raises SIGPIPE: -EPIPE when the other end is gone. */
MUST_CHECK status socket_send(int fd, const void *packet, size_t size);
/* The same with a descriptor, which the receiver gets a copy of. */
MUST_CHECK status socket_send_with_fd(int fd, const void *packet, size_t size, int passed);
/* *passed is the receiver's to close, or -1 when none came along. */
MUST_CHECK status socket_receive_with_fd(int fd, void *packet, size_t size, int *passed);
/* STATUS_CLOSED: the other end is gone. A packet of another size is -EPROTO. */
MUST_CHECK status socket_receive(int fd, void *packet, size_t size);
void socket_close(int fd);

#endif
