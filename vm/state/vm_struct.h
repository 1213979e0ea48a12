/* SPDX-License-Identifier: MIT */
/* What a VM and its threads are made of. The model is in vm.h; the lock is in vm_lock.h.
 *
 * Everything in a VM is for the holder of its lock, and everything in a thread for that thread, but
 * for what is atomic: that is written by other threads, or read by a signal handler.
 */
#ifndef STATE_VM_STRUCT_H
#define STATE_VM_STRUCT_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/deadline.h"
#include "os/thread.h"
#include "shared/ring.h"
#include "state/vm_lock.h"

/* Why a VM is to stop. Larger ones win. */
enum vm_stop {
  VM_STOP_NONE = 0,
  VM_STOP_INTERRUPT = 1, /* Ctrl-C: an error that ends what runs */
  VM_STOP_TERMINATE = 2, /* terminate or kill: nothing in the VM may catch it */
  VM_STOP_EXIT = 3,      /* os.exit in a worker: as above, with an exit code of its own */
};

/* The hook of the script's that a request displaced, until it fires; see vm_interrupt.h. */
struct displaced_hook {
  lua_State *of; /* NULL: there was none */
  lua_Hook hook;
  int mask;
  int count;
};

/* One OS thread of a VM. */
struct vm_thread {
  struct lock_user user; /* first: the lock's users are vm_threads */
  struct vm *vm;
  lua_State *_Atomic running;      /* the coroutine that runs; read by a signal handler on this thread */
  const void *task;                /* the coroutine of the task of the world `async` that runs, or NULL */
  bool has_tasks;                  /* of the world `async`: waits in C let them run */
  _Atomic int stop;                /* enum vm_stop */
  const _Atomic uint64_t *word;    /* NULL, or see vm_obey */
  _Atomic int64_t stop_at_ns;      /* 0, or see vm_stop_at */
  _Atomic int exit_code;           /* with VM_STOP_EXIT */
  _Atomic bool has_stopped;        /* the stop was seen: whoever keeps asking may rest */
  _Atomic bool is_ending;          /* nothing of the script runs any more: stops are over */
  struct displaced_hook displaced; /* written by a signal handler on this thread */
  /* Where messages for this thread arrive: the bytes of short ones, and the one being decoded. */
  struct bytes inbox;
  struct ring_message message;
};

struct vm_library;

/* Where the longest hold of the lock ended, as far as it was looked at. */
enum { VM_HOLD_TEXT = 400 };

struct vm {
  lua_State *state; /* the main one; NULL once closed */
  bool is_adopted;
  const struct vm_library *library; /* what of ours it has open; NULL before (library.h) */
  struct vm_lock lock;
  struct vm_account *account; /* NULL: nobody counts; see vm.c */
  struct vm_thread main;
  unsigned threads;         /* main included */
  bool polls_stops;         /* vm_poll_stops */
  uint32_t number;          /* among the VMs of this process, for those who trace */
  struct user_hooks *hooks; /* of scripts that use debug.sethook beside threads (vm_interrupt.h) */
  int64_t longest_seen_ns;  /* the hold that `longest` tells of */
  char longest[VM_HOLD_TEXT];
};

#endif
