/* SPDX-License-Identifier: MIT */
/* mm_vm_config.sandbox as the rules that a process gets (worker/sandbox_rules.h). */
#ifndef C_SANDBOX_CONFIG_H
#define C_SANDBOX_CONFIG_H

#include "base/bytes.h"
#include "manymoons.h"

/* Writes the rules of a VM called `name` to `out`, which is empty; nothing without a sandbox.
 * -ENOSYS, -EINVAL, with a text in `error`; -ENOMEM. */
MUST_CHECK status sandbox_config_read(const mm_vm_config *config, const char *name, struct bytes *out,
                                      char *error, size_t error_size);

#endif
