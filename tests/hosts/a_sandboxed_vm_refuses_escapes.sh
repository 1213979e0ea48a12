#!/bin/sh
# SPDX-License-Identifier: MIT
# A VM of a C program in a process with a sandbox: more than 40 system calls of an attack, made with LuaJIT's ffi, are
# refused, and the error of a job that ended its process names the call. Exit status 77: the kernel has no sandbox.
set -eu
case $MM_BUILD in */asan) exit 0 ;; esac # the sanitizer would have to be in the host

cat >refused.lua <<'END'
local ffi = require "ffi"
ffi.cdef "long syscall(long, ...); int *__errno_location(void);"
local EPERM, EACCES, AT_FDCWD = 1, 13, -100
local function argument(value)
  if type(value) == "string" then return ffi.cast("const char *", value) end
  return ffi.cast("long", value)
end
function attempt(name, ...)
  local list = { ... }
  for i = 1, 6 do list[i] = argument(list[i] or 0) end
  return tonumber(ffi.C.syscall(ffi.cast("long", N[name]), unpack(list, 1, 6))), ffi.C.__errno_location()[0]
end
local wrong, count = {}, 0
local function refuses(name, ...)
  if not N[name] then return end
  count = count + 1
  local got, why = attempt(name, ...)
  if got ~= -1 or (why ~= EPERM and why ~= EACCES) then wrong[#wrong + 1] = name .. " " .. tostring((select(2, ...))) .. " gives " .. got .. ", " .. why end
end
refuses("openat", AT_FDCWD, "/etc/passwd", 0)
refuses("openat", AT_FDCWD, "/proc/self/fd/1", 0)
refuses("openat", AT_FDCWD, "/proc/self/mem", 2)
refuses("openat", AT_FDCWD, "/", 0x10000)
refuses("openat", AT_FDCWD, "/etc/passwd", 0x200000)
refuses("openat", AT_FDCWD, "/tmp/manymoons-escape", 65, 438)
refuses("mkdirat", AT_FDCWD, "/tmp/manymoons-escape", 511)
refuses("symlinkat", "/etc/passwd", AT_FDCWD, "./link")
refuses("linkat", AT_FDCWD, "/etc/passwd", AT_FDCWD, "./link", 0)
refuses("truncate", "/etc/passwd", 0)
refuses("fchmodat", AT_FDCWD, "/etc/passwd", 511)
refuses("fchownat", AT_FDCWD, "/etc/passwd", 1, 1, 0)
refuses("utimensat", AT_FDCWD, "/etc/passwd", 0, 0)
refuses("setxattr", "/etc/passwd", "user.a", "b", 1, 0)
refuses("chdir", "/")
refuses("socket", 1, 1, 0)
refuses("socket", 2, 1, 0)
refuses("socket", 16, 3, 0)
refuses("socketpair", 1, 1, 0, "")
refuses("bind", 1, "", 0)
refuses("connect", 1, "", 0)
refuses("sendmsg", 1, "", 0)
refuses("clone", 17, 0, 0, 0, 0)
refuses("fork")
refuses("vfork")
refuses("kill", PARENT, 0)
refuses("kill", -1, 0)
refuses("tgkill", PARENT, PARENT, 0)
refuses("prctl", 1, 0)
refuses("setsid")
refuses("setpriority", 0, PARENT, 19)
refuses("fcntl", 1, 8, PARENT)
refuses("ioctl", 0, 0x5412, "x")
refuses("prlimit64", 0, 7, ("\255"):rep(16), 0)
return #wrong == 0 and count or table.concat(wrong, "; ")
END
cat >host.c <<'END'
#include <manymoons.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; long number; } calls[] = {
#define NAMED(name)            {#name, SYS_##name},
#define NUMBERED(name, number) {#name, (number)},
#include "system_calls.def"
};
static mm_vm *vm;
static char source[1 << 16];

static mm_job *eval(const char *text) {
  mm_job *job = NULL;
  if (mm_eval(vm, &job, "attempt", text, MM_ZERO, NULL)) exit(1);
  mm_job_wait(job, 60000);
  return job;
}

static void open_vm(mm_rt *rt) {
  static const mm_sandbox sandbox = {0};
  mm_vm_config config;
  mm_vm_config_init(&config);
  config.where = MM_PROCESS;
  config.libs = MM_LIB_ALL;
  config.sandbox = &sandbox;
  const int made = mm_vm_create(rt, &vm, &config);
  if (made == -MM_EUNSUPPORTED) exit(77);
  mm_job *job = made ? NULL : eval(source);
  const char *why = !job ? "" : mm_job_state(job) == 1 ? mm_str(mm_job_result(job), NULL) : mm_job_error(job);
  if (!job || mm_int(mm_job_result(job)) < 30) {
    fprintf(stderr, "not refused: %s\n", why);
    exit(1);
  }
  mm_job_free(job);
}

int main(void) {
  static const char *const deadly[] = {"execve", "execveat", "ptrace", "process_vm_readv", "mount", "unshare", "keyctl",
                                       "bpf", "io_uring_setup", "memfd_create", "setuid", "pidfd_open"};
  mm_rt *rt = NULL;
  size_t size = (size_t)snprintf(source, sizeof source, "PARENT, N = %d, {", (int)getpid());
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    size += (size_t)snprintf(source + size, sizeof source - size, "%s=%ld,", calls[i].name, calls[i].number);
  size += (size_t)snprintf(source + size, sizeof source - size, "}\n");
  FILE *file = fopen("refused.lua", "r");
  size += fread(source + size, 1, sizeof source - size - 1, file);
  fclose(file);
  if (mm_rt_create(&rt, NULL)) return 1;
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
    char text[100], wanted[100];
    open_vm(rt);
    snprintf(text, sizeof text, "return attempt('%s')", deadly[i]);
    snprintf(wanted, sizeof wanted, "the sandbox refused the system call %s", deadly[i]);
    mm_job *job = eval(text);
    if (mm_job_state(job) != -MM_EDIED || strcmp(mm_job_error(job), wanted) != 0) {
      fprintf(stderr, "%s: %d, %s\n", deadly[i], mm_job_state(job), mm_job_error(job));
      return 1;
    }
    mm_job_free(job);
    mm_vm_free(vm);
  }
  return mm_rt_free(rt, 1000);
}
END
cc -O1 -I"$MM_TOP/bindings/c" -I"$MM_TOP/vm/os/linux" host.c -L"$MM_BUILD" -lmanymoons-luajit -Wl,-rpath,"$MM_BUILD" -o host
# Its output is a pipe, which Landlock would let the VM open for reading.
{ timeout 120 ./host || echo "exit status $?"; } | cat
