/* SPDX-License-Identifier: MIT */
/* The processor that the calling thread runs on. */
#ifndef OS_PROCESSOR_H
#define OS_PROCESSOR_H

#include <stdint.h>

/* It may be another one by the time the caller reads it: for guesses alone. A few nanoseconds. */
uint32_t processor_number(void);

#endif
