// Run a piece of a test in a child process: SimGrid's engine is one for a process, so a test that replays forks.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace rehearse::testing {

/// A child that runs longer is killed, so that a replay that hangs is a failure and not a silence.
inline constexpr unsigned child_seconds = 60;

namespace forked_detail {

inline void write_all(int fd, const void* data, std::size_t size) {
  for (const char* at = static_cast<const char*>(data); size > 0;) {
    const ssize_t n = ::write(fd, at, size);
    if (n < 0 && errno != EINTR) _exit(3);
    if (n > 0) at += n, size -= static_cast<std::size_t>(n);
  }
}

inline std::string read_to_end(int fd) {
  std::string all;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) != 0;)
    if (n > 0)
      all.append(buffer, static_cast<std::size_t>(n));
    else if (errno != EINTR)
      throw std::runtime_error("cannot read from the child");
  return all;
}

/// In the child: 'R' and the result's bytes, or 'E' and what the exception says; then gone, without destructors of the
/// parent's objects and without a leak check of what SimGrid keeps.
template <class F>
[[noreturn]] void run_child(F& f, int fd) {
  ::alarm(child_seconds);
  const auto send = [fd](char tag, const void* data, std::size_t size) {
    write_all(fd, &tag, 1);
    write_all(fd, data, size);
    _exit(0);
  };
  std::string said;
  try {
    const auto result = f();
    send('R', result.data(), result.size() * sizeof(*result.data()));
  } catch (const std::exception& e) {
    said = e.what();
  } catch (...) {
    said = "not a std::exception";
  }
  send('E', said.data(), said.size());
  _exit(3);  // not reached
}

inline std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return std::string("the child was killed: ") + strsignal(WTERMSIG(status));
  return "the child ended with status " + std::to_string(WEXITSTATUS(status)) + " and without a result";
}

template <class T>
T decode(const std::string& bytes) {
  using Item = typename T::value_type;
  T out(bytes.size() / sizeof(Item), Item{});
  if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(Item));
  return out;
}

}  // namespace forked_detail

/// What `f()` returns, a std::vector<double> or a std::string, computed in a child. Throws std::runtime_error (a failed
/// test, under doctest) that says why where the child crashes, hangs or throws. `f` must not use doctest's macros: the
/// parent would not hear of them.
template <class F>
auto in_child(F f) {
  using T = std::invoke_result_t<F&>;
  static_assert(std::is_same_v<T, std::vector<double>> || std::is_same_v<T, std::string>);
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("cannot make a pipe");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    ::close(ends[0]);
    forked_detail::run_child(f, ends[1]);
  }
  ::close(ends[1]);
  const std::string bytes = forked_detail::read_to_end(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0 || bytes.empty()) throw std::runtime_error(forked_detail::how_it_ended(status));
  if (bytes[0] == 'E') throw std::runtime_error("the child threw: " + bytes.substr(1));
  return forked_detail::decode<T>(bytes.substr(1));
}

}  // namespace rehearse::testing
