/* SPDX-License-Identifier: MIT */
#include "os/processor.h"

#include <sched.h>

uint32_t processor_number(void) { return (uint32_t)sched_getcpu(); }
