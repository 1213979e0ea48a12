/* SPDX-License-Identifier: MIT */
/* Shared by the tests of the C library: checks that print their position, and running a test in
 * every kind of VM. Like programs of users, these tests include no more than manymoons.h. */
#ifndef EMBED_H
#define EMBED_H

#include <manymoons.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      fprintf(stderr, "%s:%d: %s [%s]\n", __FILE__, __LINE__, #condition, kind.name); \
      exit(1);                                                                        \
    }                                                                                 \
  } while (0)
#define CHECK_EQ(a, b)                                                                                       \
  do {                                                                                                       \
    const long long left = (long long)(a), right = (long long)(b);                                           \
    if (left != right) {                                                                                     \
      fprintf(stderr, "%s:%d: %s is %lld, not %lld [%s]\n", __FILE__, __LINE__, #a, left, right, kind.name); \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)

/* The kind of VM that the current test uses. */
static struct kind {
  const char *name;
  mm_where where;
  bool use_sigurg;
} kind = {"no kind", MM_THREAD, false};

/* TSan supports one process, and delivers signals only at calls of library functions. */
static const struct kind kinds[] = {{"thread", MM_THREAD, false},
#if !defined(__SANITIZE_THREAD__)
                                    {"thread with signals", MM_THREAD, true},
                                    {"process", MM_PROCESS, false},
#endif
                                    {"inline", MM_INLINE, false}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static inline bool is_jit(void) { return strstr(mm_lua_version(), "JIT") != NULL; }

static inline mm_rt *make_rt(void) {
  mm_rt *rt = NULL;
  mm_rt_config config;
  mm_rt_config_init(&config);
  config.use_sigurg = kind.use_sigurg;
  CHECK_EQ(mm_rt_create(&rt, &config), 0);
  return rt;
}

static inline mm_vm_config config_of_kind(void) {
  mm_vm_config config;
  mm_vm_config_init(&config);
  config.where = kind.where;
  return config;
}

static inline mm_vm *make_vm(mm_rt *rt) {
  const mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  return vm;
}

static inline mm_job *eval(mm_vm *vm, const char *source) {
  mm_job *job = NULL;
  CHECK_EQ(mm_eval(vm, &job, "chunk", source, MM_ZERO, NULL), 0);
  return job;
}

/* Runs the source as a job, and returns its final state. */
static inline int run(mm_vm *vm, const char *source) {
  mm_job *job = eval(vm, source);
  const int state = mm_job_wait(job, 20000);
  mm_job_free(job);
  return state;
}

/* Runs the source as a job, and returns its result as an integer. */
static inline int64_t number(mm_vm *vm, const char *source) {
  mm_job *job = eval(vm, source);
  const int state = mm_job_wait(job, 20000);
  if (state != 1) fprintf(stderr, "%s\n", mm_job_error(job));
  CHECK_EQ(state, 1);
  const int64_t value = mm_int(mm_job_result(job));
  mm_job_free(job);
  return value;
}

static inline void in_every_kind(void (*test)(void)) {
  for (int i = 0; i < KINDS; i++) {
    kind = kinds[i];
    test();
  }
}

#endif
