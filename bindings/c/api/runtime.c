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
  if (!out) return api_refuse_null("mm_rt_create", "out");
  if (config && api_copy_config("mm_rt_create", "config", &copy, sizeof copy, config)) return -MM_EINVAL;
  if (!copy.spawn_thread != !copy.join_thread)
    return api_refuse(MM_EINVAL,
                      "mm_rt_create: config.spawn_thread and join_thread: both or neither expected");
  const status st = runtime_make(out, &manymoons_library, &copy);
  if (st == -EBUSY)
    return api_refuse(MM_EUNSUPPORTED,
                      "mm_rt_create: config.use_sigurg: the program has a handler for SIGURG");
  return api_status("mm_rt_create", st);
}

int mm_rt_free(mm_rt *rt, uint32_t grace_ms) {
  const status st = rt ? runtime_destroy(rt, deadline_after(grace_ms / 1000.0)) : STATUS_OK;
  if (st == STATUS_TIMEOUT)
    last_error_set("mm_rt_free: a VM in a thread has not ended: it is in a C function, or cannot be stopped");
  return api_status("mm_rt_free", st);
}

void *mm_rt_user(const mm_rt *rt) { return rt ? rt->config.user : NULL; }

int mm_fd(mm_rt *rt) { return rt ? rt->wakeup : -1; }

int mm_poll(mm_rt *rt, uint32_t budget_us, int timeout_ms) {
  if (!rt) return api_refuse_null("mm_poll", "rt");
  int delivered = 0;
  const status st = runtime_poll(rt, (int64_t)budget_us * 1000, api_deadline(timeout_ms), &delivered);
  if (st == -EAGAIN)
    return api_refuse(MM_EAGAIN, "mm_poll: another thread polls, or the caller is a `done` function");
  return st ? api_status("mm_poll", st) : delivered;
}

static int add_module(const char *function, mm_rt *rt, const char *name, mm_open_fn open, const char *source,
                      size_t size) {
  struct module *m = memory_alloc(sizeof *m);
  if (!m) return api_status(function, -ENOMEM);
  m->name = memory_copy_text(name, strlen(name));
  m->source = source ? memory_copy_text(source, size) : NULL;
  if (!m->name || (source && !m->source)) {
    memory_free(m->name);
    memory_free(m->source);
    memory_free(m);
    return api_status(function, -ENOMEM);
  }
  m->source_size = size;
  m->open = open;
  runtime_add_module(rt, m);
  return MM_OK;
}

int mm_register(mm_rt *rt, const char *name, mm_open_fn open) {
  if (!rt || !name || !open) return api_refuse_null("mm_register", !rt ? "rt" : name ? "open" : "name");
  if (!*name) return api_refuse(MM_EINVAL, "mm_register: name is empty");
  return add_module("mm_register", rt, name, open, NULL, 0);
}

int mm_register_lua(mm_rt *rt, const char *name, const char *source, size_t length) {
  if (!rt || !name || !source)
    return api_refuse_null("mm_register_lua", !rt ? "rt" : name ? "source" : "name");
  if (!*name) return api_refuse(MM_EINVAL, "mm_register_lua: name is empty");
  return add_module("mm_register_lua", rt, name, NULL, source, length == MM_ZERO ? strlen(source) : length);
}

int mm_source_give(mm_source *out, const char *chunkname, const char *source, size_t length) {
  if (!out || !source) return api_refuse_null("mm_source_give", out ? "source" : "out");
  status st = STATUS_OK;
  bytes_clear(&out->text);
  bytes_clear(&out->name);
  if (chunkname) st = bytes_append(&out->name, "=", 1);
  if (st == STATUS_OK && chunkname) st = bytes_append(&out->name, chunkname, strlen(chunkname));
  if (st == STATUS_OK) st = bytes_append(&out->text, source, length == MM_ZERO ? strlen(source) : length);
  out->failure = st;
  out->is_given = true;
  return api_status("mm_source_give", st);
}
