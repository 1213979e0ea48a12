/* SPDX-License-Identifier: MIT */
/* manymoons for C++20: the functions of manymoons.h as classes. Header only.
 *
 *     manymoons::runtime rt;
 *     manymoons::vm vm(rt);
 *     vm.eval("function add(a, b) return a + b end").get();
 *     auto sum = vm.call("add", 2, 40).get<int>();            // waits
 *
 *     manymoons::task<> story(manymoons::vm &vm) {            // a coroutine, which rt.poll() resumes
 *       auto plan = co_await vm.call("plan");
 *       auto [x, y] = (co_await vm.call("move", plan)).unpack<double, double>();
 *     }
 *
 * RULES
 *  - A failed call throws manymoons::error, which has the mm_err and the text of mm_last_error; a failed
 *    job does where its result is asked for, with its traceback. Time limits that pass are no errors:
 *    such functions return an empty std::optional or false.
 *  - Objects own what they are made of, can be moved, and free it in their destructor. A runtime outlives
 *    its VMs: declare it first. Values and jobs may outlive both.
 *  - The callers are those of the functions of C. A coroutine awaits jobs in the thread that polls.
 */
#ifndef MANYMOONS_HPP
#define MANYMOONS_HPP

#include <chrono>
#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "manymoons.h"

namespace manymoons {

/* ---- errors -------------------------------------------------------------------------------------- */

class error : public std::runtime_error {
 public:
  error(mm_err code, const std::string &text) : std::runtime_error(text), code_(code) {}
  mm_err code() const noexcept { return code_; }

 private:
  mm_err code_;
};

namespace detail {
inline int check(int result) {
  if (result < 0) throw error(static_cast<mm_err>(-result), mm_last_error());
  return result;
}
/* -1: no limit. */
using milliseconds = std::chrono::milliseconds;
inline constexpr milliseconds for_ever{-1};

template <class T, void (*free)(T *)>
struct deleter {
  void operator()(T *p) const noexcept { free(p); }
};
}  // namespace detail

/* ---- values -------------------------------------------------------------------------------------- */

template <class T>
class buffer;
class queue;

/* A list of values, or one value of it. Copies share it. */
class value {
 public:
  value() = default;
  /* Takes the caller's share. */
  static value adopt(mm_val *v) { return value(v); }
  static value share(const mm_val *v) { return value(mm_val_keep(v)); }

  const mm_val *get() const noexcept { return v_.get(); }
  mm_type type() const { return mm_typeof(v_.get()); }
  std::size_t size() const { return mm_len(v_.get()); }
  explicit operator bool() const { return mm_bool(v_.get()); }
  template <std::integral I>
  value operator[](I index) const {
    return share(mm_at(v_.get(), static_cast<std::size_t>(index)));
  }
  value operator[](const std::string &key) const { return share(mm_get(v_.get(), key.c_str())); }

  /* The first value as T: an arithmetic type, std::string, std::string_view (valid as long as the value),
   * value. Throws if it has another type. */
  template <class T>
  T as() const;
  /* The first values as a tuple. */
  template <class... T>
  std::tuple<T...> unpack() const;

 private:
  explicit value(mm_val *v) : v_(v, mm_val_free) {}
  std::shared_ptr<mm_val> v_;
};

namespace detail {

/* How a C++ type travels: its letter in a format, and the arguments of that letter. */
template <class T>
struct argument;
template <>
struct argument<bool> {
  static constexpr char letter = 'b';
  static auto pass(bool b) { return std::tuple<int>(b); }
};
template <std::integral T>
struct argument<T> {
  static constexpr char letter = 'i';
  static auto pass(T n) { return std::tuple<std::int64_t>(static_cast<std::int64_t>(n)); }
};
template <std::floating_point T>
struct argument<T> {
  static constexpr char letter = 'n';
  static auto pass(T n) { return std::tuple<double>(static_cast<double>(n)); }
};
template <class T>
  requires std::convertible_to<T, std::string_view>
struct argument<T> {
  static constexpr char letter = 'S';
  static auto pass(std::string_view s) { return std::tuple<const char *, std::size_t>(s.data(), s.size()); }
};
template <>
struct argument<std::nullptr_t> {
  static constexpr char letter = 'z';
  static auto pass(std::nullptr_t) { return std::tuple<>(); }
};
template <>
struct argument<value> {
  static constexpr char letter = 'v';
  static auto pass(const value &v) { return std::tuple<const mm_val *>(v.get()); }
};
template <class T>
struct argument<buffer<T>> {
  static constexpr char letter = 'B';
  static auto pass(const buffer<T> &b) { return std::tuple<mm_buf *>(b.get()); }
};
template <>
struct argument<queue> {
  static constexpr char letter = 'Q';
  static auto pass(const queue &q);
};

template <class A>
using argument_of = argument<std::decay_t<A>>;

template <class... A>
value pack(mm_rt *rt, const A &...arguments) {
  static constexpr char format[] = {argument_of<A>::letter..., '\0'};
  mm_val *v = std::apply([rt](auto... a) { return mm_pack(rt, format, a...); },
                         std::tuple_cat(argument_of<A>::pass(arguments)...));
  if (!v) throw error(MM_EINVAL, mm_last_error());
  return value::adopt(v);
}

/* The value number `index` of a list, or a lone value. */
template <class T>
T take(const mm_val *v, std::size_t index) {
  std::string format(index, 'z');
  if constexpr (std::same_as<T, value>) {
    const mm_val *at = nullptr;
    check(mm_unpack(v, (format + 'v').c_str(), &at));
    return value::share(at);
  } else if constexpr (std::same_as<T, bool>) {
    bool b = false;
    check(mm_unpack(v, (format + 'b').c_str(), &b));
    return b;
  } else if constexpr (std::integral<T>) {
    std::int64_t n = 0;
    check(mm_unpack(v, (format + 'i').c_str(), &n));
    if (!std::in_range<T>(n)) throw error(MM_EINVAL, "value: an integer that the type cannot hold");
    return static_cast<T>(n);
  } else if constexpr (std::floating_point<T>) {
    double n = 0;
    check(mm_unpack(v, (format + 'n').c_str(), &n));
    return static_cast<T>(n);
  } else {
    static_assert(std::same_as<T, std::string> || std::same_as<T, std::string_view>,
                  "an arithmetic type, a string or a manymoons::value expected");
    const char *text = nullptr;
    std::size_t size = 0;
    check(mm_unpack(v, (format + 'S').c_str(), &text, &size));
    return T(text, size);
  }
}

}  // namespace detail

template <class T>
T value::as() const {
  return detail::take<T>(get(), 0);
}

template <class... T>
std::tuple<T...> value::unpack() const {
  return [this]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple<T...>{detail::take<T>(get(), I)...};
  }(std::index_sequence_for<T...>{});
}

/* ---- runtimes ------------------------------------------------------------------------------------ */

namespace detail {
/* What a job's end does to the coroutine that awaits it. */
struct waiter {
  std::coroutine_handle<> handle;
};
/* A job whose `done` was not called yet. */
struct pending {
  class pending_jobs *all;
  std::shared_ptr<waiter> job;
};
/* Those of a runtime, which never calls it for jobs that it ends with. */
class pending_jobs {
 public:
  pending *add(std::shared_ptr<waiter> w) {
    auto p = std::make_unique<pending>(pending{this, std::move(w)});
    const std::lock_guard guard(lock_);
    all_.insert(p.get());
    return p.release();
  }
  void forget(pending *p) {
    const std::lock_guard guard(lock_);
    all_.erase(p);
    delete p;
  }
  pending_jobs() = default;
  pending_jobs(const pending_jobs &) = delete;
  pending_jobs &operator=(const pending_jobs &) = delete;
  ~pending_jobs() {
    for (pending *p : all_) delete p;
  }

 private:
  std::mutex lock_;
  std::unordered_set<pending *> all_;
};
}  // namespace detail

class runtime {
 public:
  struct options {
    /* Lines that scripts print, and errors of jobs that nobody asks about. On any thread. */
    std::function<void(mm_log_level, std::string_view text)> log;
    /* The source of a module for `require`. On any thread. */
    std::function<std::optional<std::string>(std::string_view name)> find;
    bool use_sigurg = false;
  };

  runtime() : runtime(options{}) {}
  explicit runtime(options o) : shared_(std::make_unique<shared>()) {
    shared_->options = std::move(o);
    mm_rt_config config;
    mm_rt_config_init(&config);
    config.user = shared_.get();
    config.use_sigurg = shared_->options.use_sigurg;
    if (shared_->options.log) {
      config.log = log;
      config.log_ud = shared_.get();
    }
    if (shared_->options.find) {
      config.find = find;
      config.find_ud = shared_.get();
    }
    detail::check(mm_rt_create(&rt_, &config));
  }
  runtime(runtime &&other) noexcept : shared_(std::move(other.shared_)), rt_(std::exchange(other.rt_, nullptr)) {}
  runtime &operator=(runtime &&) = delete;
  /* Waits for VMs in threads whose C function does not return. */
  ~runtime() {
    while (rt_ && mm_rt_free(rt_, 1000) == -MM_ETIMEOUT) {
    }
  }

  mm_rt *get() const noexcept { return rt_; }
  int fd() const { return mm_fd(rt_); }
  /* The number of ended jobs whose coroutines, or `done`, were called. budget 0: no limit. */
  int poll(std::chrono::microseconds budget = std::chrono::microseconds{0},
           detail::milliseconds timeout = detail::milliseconds{0}) {
    return detail::check(mm_poll(rt_, static_cast<std::uint32_t>(budget.count()), static_cast<int>(timeout.count())));
  }
  void add_module(const char *name, mm_open_fn open) { detail::check(mm_register(rt_, name, open)); }
  void add_module(const char *name, std::string_view source) {
    detail::check(mm_register_lua(rt_, name, source.data(), source.size()));
  }
  /* A list of values: pack(1, 2.5, "text", true, nullptr, buffer, queue, value). */
  template <class... A>
  value pack(const A &...arguments) {
    return detail::pack(rt_, arguments...);
  }

 private:
  friend class vm;
  struct shared {
    runtime::options options;
    detail::pending_jobs pending;
  };

  static void log(void *ud, mm_log_level level, const mm_vm *, const char *text) {
    static_cast<shared *>(ud)->options.log(level, text);
  }
  /* An exception is no module: none may cross the library. */
  static bool find(void *ud, const mm_vm *, const char *name, mm_source *out) {
    try {
      const std::optional<std::string> source = static_cast<shared *>(ud)->options.find(name);
      return source && mm_source_give(out, nullptr, source->data(), source->size()) == MM_OK;
    } catch (...) {
      return false;
    }
  }

  std::unique_ptr<shared> shared_;
  mm_rt *rt_ = nullptr;
};

/* ---- jobs ---------------------------------------------------------------------------------------- */

/* A job and its result: a future, which can be waited for, polled, or awaited in a coroutine. */
class job {
 public:
  mm_job *get_job() const noexcept { return job_.get(); }
  bool done() const { return mm_job_state(job_.get()) != 0; }
  void cancel() { detail::check(mm_job_cancel(job_.get())); }
  /* False: it has not ended in time. */
  bool wait(detail::milliseconds timeout = detail::for_ever) const {
    const int state = mm_job_wait(job_.get(), static_cast<int>(timeout.count()));
    if (state == -MM_EINVAL && !done()) detail::check(state);
    return state != -MM_ETIMEOUT || done();
  }
  /* Waits for the job and returns its results, or throws its error. */
  value get() const {
    wait();
    return result();
  }
  template <class T>
  T get() const {
    return get().template as<T>();
  }
  /* Of a job that has ended. */
  value result() const {
    const int state = mm_job_state(job_.get());
    if (state < 0) throw error(static_cast<mm_err>(-state), mm_job_error(job_.get()));
    return value::share(mm_job_result(job_.get()));
  }

  /* co_await job: the results, in the next poll after its end. One coroutine awaits a job. */
  bool await_ready() const { return done(); }
  void await_suspend(std::coroutine_handle<> handle) { waiter_->handle = handle; }
  value await_resume() const { return result(); }

  job(job &&) noexcept = default;
  job &operator=(job &&) noexcept = default;
  /* The coroutine may be destroyed where it waits. */
  ~job() {
    if (waiter_) waiter_->handle = nullptr;
  }

 private:
  friend class vm;
  job(mm_job *j, std::shared_ptr<detail::waiter> w) : job_(j), waiter_(std::move(w)) {}
  std::unique_ptr<mm_job, detail::deleter<mm_job, mm_job_free>> job_;
  std::shared_ptr<detail::waiter> waiter_;
};

struct job_options {
  detail::milliseconds timeout{0}; /* 0: that of the VM alone */
  int priority = 0;
  bool coroutine = false; /* it may call mm.frame() */
};

class vm {
 public:
  /* The defaults: a thread, safe libraries, stoppable. */
  static mm_vm_config config() {
    mm_vm_config c;
    mm_vm_config_init(&c);
    return c;
  }
  explicit vm(runtime &rt, const mm_vm_config &c = config()) : rt_(rt.rt_), pending_(&rt.shared_->pending) {
    mm_vm *made = nullptr;
    detail::check(mm_vm_create(rt_, &made, &c));
    vm_.reset(made);
  }

  mm_vm *get() const noexcept { return vm_.get(); }
  job eval(std::string_view source, const char *name = "eval", const job_options &options = {}) {
    return submit(options, [&](mm_job **out, const mm_job_opts *opts) {
      return mm_eval(vm_.get(), out, name, source.data(), source.size(), opts);
    });
  }
  template <class... A>
  job call(const char *function, const A &...arguments) {
    return call_with(job_options{}, function, arguments...);
  }
  template <class... A>
  job call_with(const job_options &options, const char *function, const A &...arguments) {
    const value list = detail::pack(rt_, arguments...);
    return submit(options, [&](mm_job **out, const mm_job_opts *opts) {
      return mm_call(vm_.get(), out, function, list.get(), opts);
    });
  }
  void interrupt() { detail::check(mm_vm_interrupt(vm_.get())); }
  void kill() { detail::check(mm_vm_kill(vm_.get())); }
  void reset() { detail::check(mm_vm_reset(vm_.get())); }
  /* True: a cycle is over. */
  bool collect(std::chrono::microseconds budget) {
    return detail::check(mm_vm_collect(vm_.get(), static_cast<std::uint32_t>(budget.count()))) == 1;
  }
  mm_vm_stats stats() const {
    mm_vm_stats s{};
    s.size = sizeof s;
    detail::check(mm_vm_get_stats(vm_.get(), &s));
    return s;
  }

 private:
  /* The `done` of all jobs. */
  static void resume(void *ud, mm_job *) {
    auto *p = static_cast<detail::pending *>(ud);
    const std::shared_ptr<detail::waiter> w = p->job;
    p->all->forget(p);
    if (w->handle) std::exchange(w->handle, nullptr).resume();
  }
  template <class F>
  job submit(const job_options &options, F &&call_c) {
    auto w = std::make_shared<detail::waiter>();
    mm_job_opts opts;
    mm_job_opts_init(&opts);
    opts.timeout_ms = static_cast<std::uint32_t>(options.timeout.count());
    opts.priority = options.priority;
    opts.coroutine = options.coroutine;
    opts.done = resume;
    detail::pending *p = pending_->add(w);
    opts.ud = p;
    mm_job *made = nullptr;
    const int err = call_c(&made, &opts);
    if (err < 0) pending_->forget(p);
    detail::check(err);
    return job(made, std::move(w));
  }

  mm_rt *rt_;
  detail::pending_jobs *pending_;
  std::unique_ptr<mm_vm, detail::deleter<mm_vm, mm_vm_free>> vm_;
};

/* ---- coroutines ---------------------------------------------------------------------------------- */

/* A coroutine that awaits jobs: it begins at once, and rt.poll() resumes it. Its end destroys it; a task
 * that is destroyed before ends where it waits. An exception is thrown by result(), or where the task is
 * awaited. */
template <class T = void>
class task;

namespace detail {
struct task_promise_base {
  std::exception_ptr failure;
  std::coroutine_handle<> waiter;

  std::suspend_never initial_suspend() noexcept { return {}; }
  auto final_suspend() noexcept {
    struct hand_over {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
        return waiter ? waiter : std::noop_coroutine();
      }
      void await_resume() noexcept {}
      std::coroutine_handle<> waiter;
    };
    return hand_over{waiter};
  }
  void unhandled_exception() { failure = std::current_exception(); }
};
template <class T>
struct task_promise : task_promise_base {
  std::optional<T> result;
  task<T> get_return_object();
  void return_value(T v) { result = std::move(v); }
};
template <>
struct task_promise<void> : task_promise_base {
  task<void> get_return_object();
  void return_void() {}
};
}  // namespace detail

template <class T>
class task {
 public:
  using promise_type = detail::task_promise<T>;
  explicit task(std::coroutine_handle<promise_type> h) : handle_(h) {}
  task(task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task &operator=(task &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return handle_.done(); }
  /* Of a task that is done. */
  T result() {
    if (handle_.promise().failure) std::rethrow_exception(handle_.promise().failure);
    if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().result);
  }

  bool await_ready() const { return done(); }
  void await_suspend(std::coroutine_handle<> h) { handle_.promise().waiter = h; }
  T await_resume() { return result(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
task<T> detail::task_promise<T>::get_return_object() {
  return task<T>(std::coroutine_handle<task_promise<T>>::from_promise(*this));
}
inline task<void> detail::task_promise<void>::get_return_object() {
  return task<void>(std::coroutine_handle<task_promise<void>>::from_promise(*this));
}

/* ---- queues -------------------------------------------------------------------------------------- */

class queue {
 public:
  /* 0: bounded by memory alone. */
  explicit queue(runtime &rt, std::size_t max_messages = 0) : rt_(rt.get()) {
    mm_queue *made = nullptr;
    detail::check(mm_queue_create(rt_, &made, max_messages));
    queue_.reset(made);
  }

  mm_queue *get() const noexcept { return queue_.get(); }
  /* False: it is full. */
  template <class... A>
  bool put(const A &...arguments) {
    return put_for(detail::for_ever, arguments...);
  }
  template <class... A>
  bool put_for(detail::milliseconds timeout, const A &...arguments) {
    const value list = detail::pack(rt_, arguments...);
    const int err = mm_queue_put(queue_.get(), list.get(), static_cast<int>(timeout.count()));
    if (err == -MM_ETIMEOUT) return false;
    detail::check(err);
    return true;
  }
  /* Empty: nothing came in time, or it is closed and drained. */
  std::optional<value> take(detail::milliseconds timeout = detail::milliseconds{0}) {
    mm_val *v = nullptr;
    const int err = mm_queue_get(queue_.get(), &v, static_cast<int>(timeout.count()));
    if (err == -MM_ETIMEOUT || err == -MM_ECLOSED) return std::nullopt;
    detail::check(err);
    return value::adopt(v);
  }
  std::size_t size() const { return mm_queue_size(queue_.get()); }
  int fd() const { return detail::check(mm_queue_fd(queue_.get())); }
  void close() { mm_queue_close(queue_.get()); }

 private:
  mm_rt *rt_;
  std::unique_ptr<mm_queue, detail::deleter<mm_queue, mm_queue_free>> queue_;
};

inline auto detail::argument<queue>::pass(const queue &q) { return std::tuple<mm_queue *>(q.get()); }

/* ---- shared arrays of numbers -------------------------------------------------------------------- */

namespace detail {
template <class T>
constexpr const char *type_name() {
  static_assert(std::is_arithmetic_v<T> && !std::same_as<T, bool> && sizeof(T) <= 8, "a type of numbers expected");
  if constexpr (std::same_as<T, float>) return "f32";
  else if constexpr (std::same_as<T, double>) return "f64";
  else if constexpr (sizeof(T) == 1) return std::is_signed_v<T> ? "i8" : "u8";
  else if constexpr (sizeof(T) == 2) return std::is_signed_v<T> ? "i16" : "u16";
  else if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? "i32" : "u32";
  else return std::is_signed_v<T> ? "i64" : "u64";
}
}  // namespace detail

/* An array of numbers that the program and all VMs see. */
template <class T>
class buffer {
 public:
  buffer(runtime &rt, std::size_t count) {
    mm_buf *made = nullptr;
    detail::check(mm_buf_create(rt.get(), &made, detail::type_name<T>(), count));
    buffer_.reset(made);
  }

  mm_buf *get() const noexcept { return buffer_.get(); }
  std::span<T> span() const {
    std::size_t bytes = 0;
    T *data = static_cast<T *>(mm_buf_data(buffer_.get(), &bytes));
    return {data, bytes / sizeof(T)};
  }

 private:
  std::unique_ptr<mm_buf, detail::deleter<mm_buf, mm_buf_free>> buffer_;
};

}  // namespace manymoons

#endif
