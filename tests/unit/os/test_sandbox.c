/* SPDX-License-Identifier: MIT */
/* The sandbox of a process: what a kernel must have, what is refused inside, and which call ended
 * it. Each check enters a sandbox in a child. Exit status 77: the kernel has no seccomp. */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "os/linux/seccomp_filter.h"
#include "os/process.h"

enum { SKIPPED = 77, MEMORY = 64 << 20 };

static _Atomic uint32_t *refused; /* shared with the children */
static char folder[] = "/tmp/mm-sandbox.XXXXXX";
static char inner[64], outer[64], fresh[64];

/* The exit code of a child that runs `inside`; -N: signal N ended it. */
static int run(void (*inside)(void)) {
  pid_t pid = 0;
  int code = 0;
  atomic_store(refused, 0);
  CHECK_EQ(process_fork(&pid), STATUS_OK);
  if (pid == 0) {
    inside();
    process_exit_now(0);
  }
  CHECK_EQ(process_reap(pid, &code), STATUS_OK);
  return code;
}

static void enter(enum sandbox_network network, bool names_files) {
  const struct sandbox_path paths[] = {{SANDBOX_READ, folder}, {SANDBOX_WRITE, folder}};
  const struct sandbox_rules rules = {
      .paths = paths, .path_count = names_files ? 2 : 0, .network = network, .memory = MEMORY};
  const char *what = "";
  const status st = sandbox_enter(&rules, refused, &what);
  if (st) fprintf(stderr, "%s: %d\n", what, st);
  CHECK_EQ(st, STATUS_OK);
}

static int opened(const char *path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd < 0 ? errno : 0;
}

/* ---- kernels --------------------------------------------------------------------------------- */

static void an_obstacle_names_what_the_kernel_lacks(void) {
  const struct sandbox_support all = {7, true}, no_landlock = {0, true}, none = {0, false};
  CHECK(sandbox_obstacle(all, true) == NULL);
  CHECK(sandbox_obstacle(no_landlock, false) == NULL);
  CHECK(strstr(sandbox_obstacle(no_landlock, true), "Landlock") != NULL);
  CHECK(strstr(sandbox_obstacle(none, false), "seccomp") != NULL);
  CHECK(strstr(sandbox_obstacle((struct sandbox_support){7, false}, true), "seccomp") != NULL);
}

static void system_calls_have_names(void) {
  CHECK(strcmp(sandbox_call_name(SYS_mount), "mount") == 0);
  CHECK(strcmp(sandbox_call_name(425), "io_uring_setup") == 0);
  CHECK(sandbox_call_name(1000000) == NULL);
}

/* ---- inside ---------------------------------------------------------------------------------- */

static void use_files(void) {
  enter(SANDBOX_NO_NETWORK, true);
  CHECK_EQ(opened(inner, O_RDONLY), 0);
  CHECK_EQ(opened(inner, O_WRONLY | O_TRUNC), 0);
  CHECK_EQ(opened(fresh, O_WRONLY | O_CREAT), 0);
  CHECK_EQ(unlink(fresh), 0);
  CHECK_EQ(opened(outer, O_RDONLY), EACCES);
  CHECK_EQ(opened(outer, O_WRONLY), EACCES);
  CHECK_EQ(opened("/", O_RDONLY | O_DIRECTORY), EACCES);
  CHECK_EQ(opened(inner, O_PATH), EACCES);
  CHECK_EQ(opened(inner, O_RDONLY | O_TRUNC), EACCES);
  CHECK_EQ(symlink(outer, fresh), -1);
  CHECK_EQ(chmod(inner, 0700), -1);
}

static void use_network(void) {
  enter(SANDBOX_NETWORK, false);
  CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
  CHECK_EQ(socket(AF_UNIX, SOCK_STREAM, 0), -1);
  CHECK_EQ(errno, EPERM);
}

static void use_no_network(void) {
  enter(SANDBOX_NO_NETWORK, false);
  CHECK_EQ(socket(AF_INET, SOCK_STREAM, 0), -1);
  CHECK_EQ(errno, EPERM);
}

static void use_memory(void) {
  enter(SANDBOX_NO_NETWORK, false);
  CHECK(mmap(NULL, MEMORY / 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  CHECK(mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static void signal_others(void) {
  enter(SANDBOX_NO_NETWORK, false);
  CHECK_EQ(kill(getppid(), 0), -1);
  CHECK_EQ(kill(0, 0), -1);
  CHECK_EQ(kill(getpid(), 0), 0);
}

static void make_children(void) {
  enter(SANDBOX_NO_NETWORK, false);
  CHECK_EQ(fork(), -1);
  CHECK_EQ(errno, EPERM);
}

static void attack(void) {
  enter(SANDBOX_NO_NETWORK, false);
  mount("none", "/", "tmpfs", 0, NULL);
}

static void attack_from_a_handler(void) {
  sigset_t all;
  enter(SANDBOX_NO_NETWORK, false);
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  mount("none", "/", "tmpfs", 0, NULL);
}

/* As on a kernel without Landlock. */
static void use_files_by_seccomp_alone(void) {
  CHECK_EQ(syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0), 0);
  CHECK_EQ(seccomp_filter_install(SECCOMP_NO_FILES, SANDBOX_NO_NETWORK), STATUS_OK);
  CHECK_EQ(opened(inner, O_RDONLY), EACCES);
  CHECK_EQ(unlink(inner), -1);
  CHECK_EQ(write(STDOUT_FILENO, "", 0), 0);
}

static void each_thing_is_refused_and_the_rest_works(void) {
  if (sandbox_support().landlock) CHECK_EQ(run(use_files), 0);
  CHECK_EQ(run(use_network), 0);
  CHECK_EQ(run(use_no_network), 0);
  CHECK_EQ(run(signal_others), 0);
  CHECK_EQ(run(make_children), 0);
  CHECK_EQ(run(use_files_by_seccomp_alone), 0);
  CHECK_EQ(run(use_memory), 0);
}

static void a_call_that_ends_the_process_is_noted(void) {
  CHECK_EQ(run(attack), -SIGSYS);
  CHECK_EQ(atomic_load(refused), SYS_mount + 1);
  CHECK_EQ(run(attack_from_a_handler), -SIGSYS);
}

static void make_files(void) {
  CHECK(mkdtemp(folder) != NULL);
  snprintf(inner, sizeof inner, "%s/inner", folder);
  snprintf(outer, sizeof outer, "%s.outer", folder);
  snprintf(fresh, sizeof fresh, "%s/fresh", folder);
  CHECK_EQ(opened(inner, O_WRONLY | O_CREAT), 0);
  CHECK_EQ(opened(outer, O_WRONLY | O_CREAT), 0);
}

static void remove_files(void) {
  unlink(inner);
  unlink(outer);
  rmdir(folder);
}

int main(void) {
#if defined(__SANITIZE_THREAD__)
  return SKIPPED; /* TSan has a thread of its own in each process */
#endif
  an_obstacle_names_what_the_kernel_lacks();
  system_calls_have_names();
  if (sandbox_obstacle(sandbox_support(), false)) {
    fprintf(stderr, "SKIPPED: %s\n", sandbox_obstacle(sandbox_support(), false));
    return SKIPPED;
  }
  refused = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(refused != MAP_FAILED);
  make_files();
  each_thing_is_refused_and_the_rest_works();
  a_call_that_ends_the_process_is_noted();
  remove_files();
  return 0;
}
