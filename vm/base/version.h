/* SPDX-License-Identifier: MIT */
/* The one place that says which version this is. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define MANYMOONS_VERSION "0.1.0"

#endif
