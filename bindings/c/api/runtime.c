/* SPDX-License-Identifier: MIT */
/* manymoons.h: runtimes. */
#include "c/runtime.h"

#include <errno.h>

#include "base/memory.h"
#include "c/api/api.h"
#include "library.h"
#include "os/clock.h"

void mm_rt_config_init(mm_rt_config *config) { *config = (mm_rt_config){.size = sizeof *config}; }

void mm_vm_config_init(mm_vm_config *config) {
  *config =
      (mm_vm_config){.size = sizeof *config, .where = MM_THREAD, .libs = MM_LIB_SAFE, .stoppable = true};
}

int mm_rt_create(mm_rt **out, const mm_rt_config *config) {
  mm_rt_config copy;
  mm_rt_config_init(&copy);
  if (!out || (config && !api_copy_config(&copy, sizeof copy, config))) return -MM_EINVAL;
  if (!copy.spawn_thread != !copy.join_thread) return -MM_EINVAL;
  return api_result(runtime_make(out, &manymoons_library, &copy));
}

int mm_rt_free(mm_rt *rt, uint32_t grace_ms) {
  return rt ? api_result(runtime_destroy(rt, deadline_after(grace_ms / 1000.0))) : MM_OK;
}

void *mm_rt_user(const mm_rt *rt) { return rt ? rt->config.user : NULL; }

int mm_fd(mm_rt *rt) { return rt ? rt->wakeup : -1; }

int mm_poll(mm_rt *rt, uint32_t budget_us, int timeout_ms) {
  if (!rt) return -MM_EINVAL;
  int delivered = 0;
  const status st = runtime_poll(rt, (int64_t)budget_us * 1000, api_deadline(timeout_ms), &delivered);
  if (st == -EAGAIN) return -MM_EAGAIN;
  return st ? api_result(st) : delivered;
}

static int add_module(mm_rt *rt, const char *name, mm_open_fn open, const char *source, size_t size) {
  struct module *m = memory_alloc(sizeof *m);
  if (!m) return -MM_ENOMEM;
  m->name = memory_copy_text(name, strlen(name));
  m->source = source ? memory_copy_text(source, size) : NULL;
  if (!m->name || (source && !m->source)) {
    memory_free(m->name);
    memory_free(m->source);
    memory_free(m);
    return -MM_ENOMEM;
  }
  m->source_size = size;
  m->open = open;
  runtime_add_module(rt, m);
  return MM_OK;
}

int mm_register(mm_rt *rt, const char *name, mm_open_fn open) {
  if (!rt || !name || !*name || !open) return -MM_EINVAL;
  return add_module(rt, name, open, NULL, 0);
}

int mm_register_lua(mm_rt *rt, const char *name, const char *source, size_t length) {
  if (!rt || !name || !*name || !source) return -MM_EINVAL;
  return add_module(rt, name, NULL, source, length == MM_ZERO ? strlen(source) : length);
}
