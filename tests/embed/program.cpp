/* SPDX-License-Identifier: MIT */
/* What a C++ program does with manymoons.hpp, for tests/hosts/cpp_programs_use_the_library.sh. Says nothing
 * when all is well. */
#include <manymoons.hpp>

#include <poll.h>

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);  \
      std::exit(1);                                                         \
    }                                                                       \
  } while (0)

namespace mm = manymoons;

template <class F>
static mm::error failure_of(F &&f) {
  try {
    f();
  } catch (const mm::error &e) {
    return e;
  }
  std::fprintf(stderr, "no error\n");
  std::exit(1);
}

static void values_go_there_and_back(mm::runtime &rt, mm_where where) {
  mm_vm_config config = mm::vm::config();
  config.where = where;
  mm::vm vm(rt, config);
  vm.eval("function echo(...) return ... end function add(a, b) return a + b end").get();
  CHECK(vm.call("add", 2, 40).get<int>() == 42);
  CHECK(vm.call("echo", "text").get<std::string>() == "text");
  auto [n, s, b, x] = vm.call("echo", 7, std::string("a\0b", 3), true, 1.5f)
                          .get().unpack<std::int64_t, std::string, bool, double>();
  CHECK(n == 7 && s.size() == 3 && b && x == 1.5);
  const mm::value list = vm.eval("return { { name = 'one' }, 'two' }").get()[0];
  CHECK(list.size() == 2 && list[0]["name"].as<std::string_view>() == "one");
  CHECK(vm.call("echo", list).get()[0].size() == 2);
  mm::buffer<double> shared(rt, 3);
  vm.eval("function fill(a) for i = 1, #a do a[i] = i / 2 end end").get();
  vm.call("fill", shared).get();
  CHECK(shared.span()[2] == 1.5);
}

static void failures_are_thrown(mm::runtime &rt) {
  mm::vm vm(rt);
  const mm::error wrong = failure_of([&] { vm.eval("error('on purpose')", "chunk").get(); });
  CHECK(wrong.code() == MM_ERUN && std::string(wrong.what()).find("on purpose") != std::string::npos);
  CHECK(failure_of([&] { vm.eval("return 'x'").get<int>(); }).code() == MM_EINVAL);
  CHECK(failure_of([&] { vm.eval("return 300").get<std::uint8_t>(); }).code() == MM_EINVAL);
  mm_vm_config config = mm::vm::config();
  config.nice = 99;
  CHECK(std::string(failure_of([&] { mm::vm none(rt, config); }).what()).find("nice") != std::string::npos);
  mm::job endless = vm.eval("while true do end");
  CHECK(!endless.wait(std::chrono::milliseconds(1)));
  endless.cancel();
  CHECK(failure_of([&] { endless.get(); }).code() == MM_ECANCELED);
}

static mm::task<int> ask_twice(mm::vm &vm, const char *function) {
  const int first = (co_await vm.call(function, 1)).as<int>();
  co_return first + (co_await vm.call(function, 2)).as<int>();
}

static mm::task<> story(mm::vm &vm, int &sum) {
  sum = co_await ask_twice(vm, "double");
  try {
    (void)co_await vm.call("missing");
  } catch (const mm::error &e) {
    sum += e.code() == MM_ERUN ? 100 : 0;
  }
}

static void coroutines_await_jobs(mm::runtime &rt) {
  mm::vm vm(rt);
  int sum = 0;
  vm.eval("function double(n) return 2 * n end").get();
  mm::task<> whole = story(vm, sum);
  while (!whole.done()) rt.poll(std::chrono::microseconds(0), std::chrono::milliseconds(100));
  whole.result();
  CHECK(sum == 106);
  {
    mm::task<int> never = ask_twice(vm, "double"); /* destroyed where it waits */
  }
  vm.eval("return 1").get();
  rt.poll();
  mm::task<int> lost = ask_twice(vm, "double"); /* outlives what it waits for */
  while (!lost.done()) rt.poll(std::chrono::microseconds(0), std::chrono::milliseconds(100));
  CHECK(lost.result() == 6);
}

static void queues_go_both_ways(mm::runtime &rt) {
  mm::vm vm(rt);
  mm::queue orders(rt), answers(rt, 10);
  vm.eval("function serve(orders, answers) for n in orders:iter() do answers:put(n * n) end end").get();
  mm::job served = vm.call("serve", orders, answers);
  CHECK(!answers.take());
  CHECK(orders.put(6));
  pollfd entry{answers.fd(), POLLIN, 0};
  CHECK(poll(&entry, 1, -1) == 1);
  CHECK(answers.take(std::chrono::seconds(60))->as<int>() == 36);
  orders.close();
  served.get();
}

int main() {
  mm::runtime::options options;
  options.find = [](std::string_view name) -> std::optional<std::string> {
    if (name == "throws") throw std::runtime_error("not through C");
    if (name != "tool") return std::nullopt;
    return "return { n = 5 }";
  };
  mm::runtime rt(std::move(options));
  values_go_there_and_back(rt, MM_THREAD);
  values_go_there_and_back(rt, MM_PROCESS);
  failures_are_thrown(rt);
  coroutines_await_jobs(rt);
  queues_go_both_ways(rt);
  mm_vm_config config = mm::vm::config();
  config.libs = MM_LIB_REQUIRE;
  mm::vm vm(rt, config);
  CHECK(vm.eval("return require('tool').n").get<int>() == 5);
  CHECK(failure_of([&] { vm.eval("require('throws')").get(); }).code() == MM_ERUN);
  vm.reset();
  CHECK(vm.eval("return package == nil").get<bool>());
  mm::job left = vm.eval("while true do end");
  return 0;
}
