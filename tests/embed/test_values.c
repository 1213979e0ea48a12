/* SPDX-License-Identifier: MIT */
/* Values keep their contents when they are packed, sent, read and unpacked; a mismatch is refused
 * and writes nothing. */
#include "embed.h"

#include <math.h>

static mm_rt *rt;
static mm_vm *vm;

static mm_job *call(const char *function, const mm_val *args) {
  mm_job *job = NULL;
  CHECK_EQ(mm_call(vm, &job, function, args, NULL), 0);
  const int state = mm_job_wait(job, 20000);
  if (state != 1) fprintf(stderr, "%s\n", mm_job_error(job));
  CHECK_EQ(state, 1);
  return job;
}

static void every_letter_comes_back(void) {
  mm_buf *buf = NULL, *same = NULL;
  CHECK_EQ(mm_buf_create(rt, &buf, "i32", 10), 0);
  mm_val *inner = mm_pack(rt, "{x=i}", (int64_t)9);
  mm_val *args = mm_pack(rt, "i n b z s S B v {i{}name=s deep={b n} none=z}", INT64_MIN, -0.0, 1, "text",
                         "a\0b", (size_t)3, buf, inner, (int64_t)7, "moon", 0, 0.5);
  CHECK(args != NULL);
  CHECK_EQ(run(vm, "function echo(...) return ... end"), 1);
  mm_job *job = call("echo", args);
  int64_t i = 0, x = 0, seven = 0;
  double n = 1, half = 0;
  bool b = false, deep = true;
  const char *s = NULL, *bytes = NULL, *name = NULL;
  size_t size = 0;
  const mm_val *table = NULL;
  CHECK_EQ(mm_unpack(mm_job_result(job), "i n b z s S B v {i{} name=s deep={bn}}", &i, &n, &b, &s, &bytes,
                     &size, &same, &table, &seven, &name, &deep, &half),
           0);
  CHECK(i == (is_jit() ? i : INT64_MIN) && n == 0 && signbit(n) && b && !deep && half == 0.5 && seven == 7);
  CHECK(strcmp(s, "text") == 0 && size == 3 && memcmp(bytes, "a\0b", 4) == 0 && strcmp(name, "moon") == 0);
  CHECK_EQ(mm_unpack(table, "{x=i}", &x), 0);
  CHECK_EQ(x, 9);
  CHECK(mm_buf_data(same, NULL) == mm_buf_data(buf, NULL));
  mm_buf_free(same);
  mm_buf_free(buf);
  mm_job_free(job);
  mm_val_free(args);
  mm_val_free(inner);
}

static void a_mismatch_writes_nothing(void) {
  mm_val *v = mm_pack(rt, "i s {a=i}", (int64_t)1, "two", (int64_t)3);
  int64_t i = -1, j = -1;
  double n = -1;
  const char *s = "before";
  CHECK_EQ(mm_unpack(v, "is{a=s}", &i, &s, &s), -MM_EINVAL);
  CHECK_EQ(mm_unpack(v, "ii", &i, &j), -MM_EINVAL);
  CHECK_EQ(mm_unpack(v, "iszi", &i, &s, &j), -MM_EINVAL);
  CHECK_EQ(mm_unpack(v, "is{b=i}", &i, &s, &j), -MM_EINVAL);
  CHECK_EQ(mm_unpack(v, "i?", &i), -MM_EINVAL);
  CHECK_EQ(mm_unpack(v, "is{a=i", &i, &s, &j), -MM_EINVAL);
  CHECK(i == -1 && j == -1 && strcmp(s, "before") == 0);
  CHECK_EQ(mm_unpack(v, "nz{?b=i a=i}", &n, &j, &i), -MM_EINVAL); /* ? precedes the letter, not the name */
  CHECK_EQ(mm_unpack(v, "nz{b=?i a=i}?i", &n, &j, &i, &j), 0);
  CHECK(n == 1 && i == 3 && j == -1);
  CHECK_EQ(mm_unpack(NULL, "i", &i), -MM_EINVAL);
  CHECK(mm_pack(rt, "q", 1) == NULL && mm_pack(rt, "{", 1) == NULL && mm_pack(rt, "i}", (int64_t)1) == NULL);
  CHECK(mm_pack(NULL, "i", (int64_t)1) == NULL && mm_pack(rt, NULL) == NULL);
  mm_val_free(v);
}

static void a_tree_can_be_walked(void) {
  mm_job *job =
      eval(vm, "return { 10, 20, 30, name = 'moon', [2.5] = true, nested = { { x = 1 } } }, 1e300, 'a\\0b'");
  CHECK_EQ(mm_job_wait(job, -1), 1);
  const mm_val *list = mm_job_result(job), *table = mm_at(list, 0), *key = NULL, *item = NULL;
  CHECK_EQ(mm_len(list), 3);
  CHECK_EQ(mm_typeof(table), MM_TABLE);
  CHECK_EQ(mm_len(table), 3);
  CHECK_EQ(mm_int(mm_at(table, 2)), 30);
  CHECK(mm_at(table, 3) == NULL);
  CHECK(strcmp(mm_str(mm_get(table, "name"), NULL), "moon") == 0);
  CHECK_EQ(mm_int(mm_get(mm_at(mm_get(list, "nested"), 0), "x")), 1);
  CHECK(mm_get(table, "nothing") == NULL && mm_get(mm_at(list, 1), "x") == NULL);
  size_t pairs = 0, named = 0;
  while (mm_pair(table, pairs, &key, &item)) {
    named += mm_typeof(key) == MM_STR;
    if (mm_typeof(key) != MM_STR) CHECK(mm_num(key) == 2.5 && mm_bool(item));
    pairs++;
  }
  CHECK(pairs == 3 && named == 2);
  CHECK(mm_num(mm_at(list, 1)) == 1e300 && mm_int(mm_at(list, 1)) == 0);
  size_t size = 0;
  CHECK(memcmp(mm_str(mm_at(list, 2), &size), "a\0b", 4) == 0 && size == 3);
  CHECK(strcmp(mm_str(table, &size), "") == 0 && size == 0);
  mm_val *kept = mm_val_keep(mm_get(table, "name"));
  mm_job_free(job);
  CHECK(strcmp(mm_str(kept, NULL), "moon") == 0);
  mm_val_free(kept);
}

static void large_and_odd_tables_arrive(void) {
  mm_job *job =
      eval(vm,
           "local t = {} for i = 1, 100000 do t[i] = i end local f = {} for i = 1, 1000 do f['k' .. i] = i / "
           "2 end "
           "local deep = {} local at = deep for i = 1, 500 do at.next = {} at = at.next end at.bottom = true "
           "local own = {} own.me = own return t, f, deep, own, { [1] = 1, [3] = 3 }");
  CHECK_EQ(mm_job_wait(job, -1), 1);
  const mm_val *list = mm_job_result(job);
  CHECK_EQ(mm_len(mm_at(list, 0)), 100000);
  CHECK_EQ(mm_int(mm_at(mm_at(list, 0), 99999)), 100000);
  CHECK(mm_num(mm_get(mm_at(list, 1), "k777")) == 388.5);
  const mm_val *deep = mm_at(list, 2);
  for (int i = 0; i < 500; i++) deep = mm_get(deep, "next");
  CHECK(mm_bool(mm_get(deep, "bottom")));
  const mm_val *own = mm_at(list, 3);
  for (int i = 0; i < 1000; i++) own = mm_get(own, "me");
  CHECK_EQ(mm_typeof(own), MM_TABLE);
  /* A whole list can be sent back, even with tables that contain themselves. */
  CHECK_EQ(run(vm, "function check(t, f, deep, own) assert(own.me == own) return #t + f.k10 end"), 1);
  mm_job *back = call("check", list);
  CHECK_EQ(mm_int(mm_job_result(back)), 100005);
  mm_job_free(back);
  CHECK_EQ(mm_call(vm, NULL, "check", mm_at(list, 3), NULL), -MM_EINVAL); /* a part must be a tree */
  mm_job_free(job);
}

static void values_for_lua_alone_go_from_vm_to_vm(void) {
  mm_vm *other = make_vm(rt);
  mm_job *job = eval(vm, "local n = 40 return function(x) n = n + x return n end, { key = print }");
  CHECK_EQ(mm_job_wait(job, -1), 1);
  CHECK_EQ(mm_typeof(mm_job_result(job)), MM_OTHER);
  CHECK(mm_pack(rt, "v", mm_at(mm_job_result(job), 0)) == NULL);
  CHECK_EQ(run(other, "function use(f, t) assert(t.key == print) return f(2) end"), 1);
  mm_job *used = NULL;
  CHECK_EQ(mm_call(other, &used, "use", mm_job_result(job), NULL), 0);
  CHECK_EQ(mm_job_wait(used, -1), 1);
  CHECK_EQ(mm_int(mm_job_result(used)), 42);
  mm_job_free(used);
  mm_job_free(job);
  mm_vm_free(other);
}

static void a_part_of_a_result_can_be_sent_on(void) {
  mm_job *job = eval(vm, "return { a = { 1, 2, x = 'y' }, [3] = 4 }");
  CHECK_EQ(mm_job_wait(job, -1), 1);
  CHECK_EQ(run(vm, "function see(t, again) return t[2] + #t, again.a.x end"), 1);
  mm_val *args = mm_pack(rt, "vv", mm_get(mm_job_result(job), "a"), mm_job_result(job));
  mm_job_free(job);
  mm_job *seen = call("see", args);
  CHECK_EQ(mm_int(mm_job_result(seen)), 4);
  CHECK(strcmp(mm_str(mm_at(mm_job_result(seen), 1), NULL), "y") == 0);
  mm_job_free(seen);
  mm_val_free(args);
}

static void an_array_is_the_same_memory_for_all(void) {
  mm_buf *buf = NULL, *none = NULL;
  size_t bytes = 0;
  CHECK_EQ(mm_buf_create(rt, &none, "f16", 3), -MM_EINVAL);
  CHECK_EQ(mm_buf_create(rt, &none, "f64", 0), -MM_EINVAL);
  CHECK_EQ(mm_buf_create(rt, &buf, "f64", 1000), 0);
  double *data = mm_buf_data(buf, &bytes);
  CHECK_EQ(bytes, 8000);
  CHECK(strcmp(mm_buf_type(buf), "f64") == 0);
  for (int i = 0; i < 1000; i++) data[i] = i;
  CHECK_EQ(run(vm, "function double(a) for i = 1, #a do a[i] = a[i] * 2 end return a end"), 1);
  mm_val *args = mm_pack(rt, "B", buf);
  mm_job *job = call("double", args);
  for (int i = 0; i < 1000; i++) CHECK(data[i] == 2 * i);
  CHECK_EQ(mm_typeof(mm_job_result(job)), MM_BUF);
  CHECK_EQ(mm_len(mm_at(mm_job_result(job), 0)), 8000);
  mm_job_free(job);
  mm_val_free(args);
  mm_buf_free(buf);
}

static void values_outlive_their_runtime(void) {
  mm_rt *other = make_rt();
  mm_buf *buf = NULL;
  CHECK_EQ(mm_buf_create(other, &buf, "u8", 5), 0);
  mm_val *v = mm_pack(other, "sB", "kept", buf);
  CHECK_EQ(mm_rt_free(other, 1000), 0);
  *(uint8_t *)mm_buf_data(buf, NULL) = 7;
  mm_buf *same = NULL;
  CHECK_EQ(mm_unpack(v, "zB", &same), 0);
  CHECK_EQ(*(uint8_t *)mm_buf_data(same, NULL), 7);
  mm_buf_free(buf);
  mm_buf_free(same);
  mm_val_free(v);
}

static void all(void) {
  rt = make_rt();
  vm = make_vm(rt);
  every_letter_comes_back();
  a_mismatch_writes_nothing();
  a_tree_can_be_walked();
  large_and_odd_tables_arrive();
  values_for_lua_alone_go_from_vm_to_vm();
  a_part_of_a_result_can_be_sent_on();
  an_array_is_the_same_memory_for_all();
  values_outlive_their_runtime();
  CHECK_EQ(mm_rt_free(rt, 1000), 0);
}

int main(void) {
  in_every_kind(all);
  return 0;
}
