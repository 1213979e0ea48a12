/* SPDX-License-Identifier: MIT */
/* The version of manymoons. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define MANYMOONS_VERSION "0.1.0"

#endif
