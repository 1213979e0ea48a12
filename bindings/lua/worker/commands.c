/* SPDX-License-Identifier: MIT */
#include "worker/commands.h"

#include "memory/tracker.h"
#include "os/process.h"
#include "shared/segment.h"

static bool is_of_library(int32_t pid) { return segment_has_process(pid) || tracker_is(pid); }

void commands_end(int32_t thread) { process_end_children(thread, is_of_library); }
