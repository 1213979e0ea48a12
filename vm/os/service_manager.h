/* SPDX-License-Identifier: MIT */
/* The program that started this process as a service, such as systemd: it hears how the service stands by
 * datagrams to the socket that the variable NOTIFY_SOCKET names (sd_notify(3)). */
#ifndef OS_SERVICE_MANAGER_H
#define OS_SERVICE_MANAGER_H

#include "base/status.h"

/* Sends a text such as "READY=1"; never waits. -ENOENT: this process is no service. */
MUST_CHECK status service_manager_tell(const char *text);

#endif
