/* SPDX-License-Identifier: MIT */
/* What the library says of calls that fail (mm_last_error), and of jobs that nobody asks about. */
#include <unistd.h>

#include "embed.h"

static void says(const char *text) {
  if (!strstr(mm_last_error(), text)) fprintf(stderr, "it says: %s\n", mm_last_error());
  CHECK(strstr(mm_last_error(), text) != NULL);
}

static void a_wrong_format_names_its_letter(void) {
  mm_rt *rt = make_rt();
  CHECK(mm_pack(rt, "iq", (int64_t)1) == NULL);
  says("mm_pack: format \"iq\", letter 2: one of i n b z s S B Q v { expected");
  CHECK(mm_pack(rt, "{i", (int64_t)1) == NULL);
  says("letter 3: '}' expected");
  CHECK(mm_pack(rt, "nB", 1.0, NULL) == NULL);
  says("letter 2: an array expected for 'B', got NULL");
  mm_val *list = mm_pack(rt, "i{name=s}n", (int64_t)1, "x", 0.5);
  const char *text = NULL;
  int64_t n = 0, m = 0;
  CHECK_EQ(mm_unpack(list, "s", &text), -MM_EINVAL);
  says("mm_unpack: format \"s\", letter 1: a string expected, got number");
  CHECK_EQ(mm_unpack(list, "i{name=i}", &n, &m), -MM_EINVAL);
  says("letter 8: an integer expected, got string");
  CHECK_EQ(mm_unpack(list, "izi", &n, &m), -MM_EINVAL);
  says("letter 3: an integer expected, got a number with a fraction");
  CHECK_EQ(mm_unpack(list, "izzb", &n, &text), -MM_EINVAL);
  says("letter 4: a boolean expected, got nothing");
  CHECK_EQ(n, 0);
  CHECK_EQ(mm_int(mm_at(list, 1)), 0); /* looks, and does not fail */
  says("letter 4: a boolean");
  CHECK_EQ(mm_unpack(list, "iz{i", &n, &m), -MM_EINVAL);
  CHECK_EQ(mm_unpack(list, "i{name=s", &n, &text), -MM_EINVAL);
  says("letter 9: '}' or a letter expected");
  mm_val_free(list);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

static void a_wrong_option_is_named(void) {
  mm_rt *rt = make_rt();
  mm_vm *vm = NULL;
  mm_vm_config config = config_of_kind();
  config.nice = 20;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), -MM_EINVAL);
  says("mm_vm_create: config.nice: 0 to 19 expected, got 20");
  config = config_of_kind();
  config.size = 3;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), -MM_EINVAL);
  says("config.size is 3");
  config = config_of_kind();
  config.libs = 1u << 20;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), -MM_EINVAL);
  says("config.libs");
  config = config_of_kind();
  config.stoppable = false;
  config.name = "steady";
  config.queue_max = 1;
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  mm_job_opts opts;
  mm_job_opts_init(&opts);
  opts.timeout_ms = 5;
  if (kind.where == MM_THREAD && !kind.use_sigurg) {
    CHECK_EQ(mm_eval(vm, NULL, "x", "", MM_ZERO, &opts), -MM_EUNSUPPORTED);
    says("mm_eval: opts.timeout_ms is 5, but VM 'steady' is not stoppable");
  }
  CHECK_EQ(mm_eval(NULL, NULL, "x", "", MM_ZERO, NULL), -MM_EINVAL);
  says("mm_eval: vm is NULL");
  CHECK_EQ(mm_call(vm, NULL, "", NULL, NULL), -MM_EINVAL);
  says("mm_call: function is empty");
  mm_buf *buf = NULL;
  CHECK_EQ(mm_buf_create(rt, &buf, "f65", 1), -MM_EINVAL);
  says("f64 expected, got 'f65'");
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

/* What the program's stderr gets while `source` runs in a job that nobody asks about. */
static void run_unheard(mm_rt *rt, mm_vm *vm, const char *source, char *said, size_t size) {
  FILE *file = tmpfile();
  const int own = dup(STDERR_FILENO);
  CHECK(file && own >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
  const int submitted = mm_eval(vm, NULL, "unheard", source, MM_ZERO, NULL);
  mm_job *after = NULL;
  const int last = mm_eval(vm, &after, "x", "return 1", MM_ZERO, NULL);
  const int state = mm_job_wait(after, 20000);
  dup2(own, STDERR_FILENO);
  close(own);
  mm_job_free(after);
  CHECK(submitted == 0 && last == 0 && state == 1);
  rewind(file);
  said[fread(said, 1, size - 1, file)] = '\0';
  fclose(file);
  (void)rt;
}

static void errors_that_nobody_asks_about_go_to_stderr(void) {
  mm_rt *rt = make_rt();
  mm_vm_config config = config_of_kind();
  mm_vm *vm = NULL;
  char said[1000];
  config.name = "mods";
  CHECK_EQ(mm_vm_create(rt, &vm, &config), 0);
  run_unheard(rt, vm, "function add(a, b) retrun a + b end", said, sizeof said);
  CHECK(strstr(said, "manymoons: VM 'mods': unheard:1:") == said);
  run_unheard(rt, vm, "error('on purpose')", said, sizeof said);
  CHECK(strstr(said, "on purpose") != NULL);
  run_unheard(rt, vm, "return 1", said, sizeof said);
  CHECK(strcmp(said, "") == 0);
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

int main(void) {
  a_wrong_format_names_its_letter();
  in_every_kind(a_wrong_option_is_named);
  in_every_kind(errors_that_nobody_asks_about_go_to_stderr);
  return 0;
}
