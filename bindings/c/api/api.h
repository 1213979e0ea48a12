/* SPDX-License-Identifier: MIT */
/* Shared by the files of api/: refusals with a text, conversion of statuses and timeouts, and
 * configurations of other versions of the library. */
#ifndef C_API_API_H
#define C_API_API_H

#include <string.h>

#include "base/deadline.h"
#include "base/status.h"
#include "c/values/last_error.h"
#include "manymoons.h"

/* Keeps a text for mm_last_error, and returns -err. */
int api_refuse(mm_err err, const char *format, ...) PRINTF(2, 3);
/* The same for an argument that is NULL: -MM_EINVAL. */
int api_refuse_null(const char *function, const char *argument);
/* The negative mm_err of a status, with a text unless a time limit has passed; 0 for STATUS_OK. */
int api_status(const char *function, status st);
/* The deadline of a wait of `timeout_ms`; -1: never, 0: now. */
deadline api_deadline(int timeout_ms);
/* Copies a configuration of the program, which may have been compiled for an older or newer
 * library, over *to, which has the defaults. -MM_EINVAL, with a text that names `argument`: its size
 * is impossible, or it sets a field that this library does not know. */
MUST_CHECK int api_copy_config(const char *function, const char *argument, void *to, size_t size,
                               const void *from);

#endif
