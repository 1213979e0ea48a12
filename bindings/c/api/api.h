/* SPDX-License-Identifier: MIT */
/* What the files of this layer share: statuses as errors of manymoons.h, its timeouts, and configurations of
 * any size. */
#ifndef C_API_API_H
#define C_API_API_H

#include <string.h>

#include "base/deadline.h"
#include "base/status.h"
#include "manymoons.h"

/* A negative mm_err, or 0. */
int api_result(status st);
/* When a wait of `timeout_ms` ends; -1: never, 0: it does not wait. */
deadline api_deadline(int timeout_ms);
/* Copies a configuration of the caller's, which may be of an older or a newer library, over one with the
 * defaults. False: its size makes no sense, or it asks for something that this library does not know. */
MUST_CHECK bool api_copy_config(void *to, size_t size, const void *from);

#endif
