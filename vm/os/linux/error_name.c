/* SPDX-License-Identifier: MIT */
/* glibc, from 2.32 on. */
#include "os/error_name.h"

#include <string.h>

const char *error_name(int number) { return strerrorname_np(number); }
const char *error_words(int number) { return strerrordesc_np(number); }
