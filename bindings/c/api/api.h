/* SPDX-License-Identifier: MIT */
/* Shared by the files of api/: conversion of statuses and timeouts, and configurations of other
 * versions of the library. */
#ifndef C_API_API_H
#define C_API_API_H

#include <string.h>

#include "base/deadline.h"
#include "base/status.h"
#include "manymoons.h"

/* The negative mm_err of a status; 0 for STATUS_OK. */
int api_result(status st);
/* The deadline of a wait of `timeout_ms`; -1: never, 0: now. */
deadline api_deadline(int timeout_ms);
/* Copies a configuration of the program, which may have been compiled for an older or newer
 * library, over *to, which has the defaults. False: its size is impossible, or it sets a field that
 * this library does not know. */
MUST_CHECK bool api_copy_config(void *to, size_t size, const void *from);

#endif
