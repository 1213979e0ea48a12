/* SPDX-License-Identifier: MIT */
#include "c/sandbox_config.h"

#include <errno.h>
#include <stdio.h>

#include "os/program.h"
#include "worker/sandbox_rules.h"

enum { PATH_TEXT_MAX = 4096 };

static uint32_t count_of(const char *const *paths) {
  uint32_t count = 0;
  while (paths && paths[count]) count++;
  return count;
}

static status add_paths(struct bytes *out, const char *const *paths, enum sandbox_access access, char *error,
                        size_t error_size) {
  const uint32_t count = count_of(paths);
  for (uint32_t i = 0; i < count; i++) {
    char real[PATH_TEXT_MAX];
    if (program_real_path(paths[i], real, sizeof real)) {
      snprintf(error, error_size, "sandbox: '%s' does not exist", paths[i]);
      return -EINVAL;
    }
    const status st = sandbox_rules_add(out, access, real);
    if (st) return st;
  }
  return STATUS_OK;
}

status sandbox_config_read(const mm_vm_config *config, const char *name, struct bytes *out, char *error,
                           size_t error_size) {
  const mm_sandbox *sandbox = config->sandbox;
  if (!sandbox) return STATUS_OK;
  const struct sandbox_rules_head head = {.memory = sandbox_rules_memory(config->mem_limit),
                                          .network = sandbox->network ? SANDBOX_NETWORK : SANDBOX_NO_NETWORK,
                                          .path_count = count_of(sandbox->read) + count_of(sandbox->write)};
  const char *obstacle = config->where == MM_PROCESS
                             ? sandbox_obstacle(sandbox_support(), head.path_count > 0)
                             : "only the process of a VM in a process can be in one";
  if (obstacle) {
    snprintf(error, error_size, "sandbox: %s", obstacle);
    return -ENOSYS;
  }
  status st = sandbox_rules_begin(out, &head, name);
  if (st == STATUS_OK) st = add_paths(out, sandbox->read, SANDBOX_READ, error, error_size);
  return st ? st : add_paths(out, sandbox->write, SANDBOX_WRITE, error, error_size);
}
