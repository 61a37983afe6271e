#include "scenarios/worker_pool.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace rehearse {

namespace {

// The first byte that a child sends.
constexpr char returned = 'R', threw = 'E';

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// What the child sends: a tag, and the text that the work returned or what it threw.
std::string outcome(const Work& work, std::size_t index) {
  try {
    return returned + work(index);
  } catch (const std::bad_alloc&) {
    return threw + std::string("this machine has not enough memory for it");
  } catch (const std::exception& e) {
    return threw + std::string(e.what());
  } catch (...) {
    return threw + std::string("an exception that is no std::exception");
  }
}

/// Gone without destructors of what belongs to the parent; and it goes when the parent goes.
[[noreturn]] void live_as_child(const Work& work, std::size_t index, int fd, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const bool sent = write_all(fd, outcome(work, index));
  std::fflush(nullptr);
  ::_exit(sent ? 0 : 1);
}

WorkerAnswer answer_of(const std::string& bytes, int status) {
  if (WIFSIGNALED(status))
    return {false, fmt::format("the process was killed: {}", ::strsignal(WTERMSIG(status))), true};
  if (status != 0 || bytes.empty())
    return {false, fmt::format("the process ended with status {} and without an answer", WEXITSTATUS(status))};
  return {bytes.front() == returned, bytes.substr(1)};
}

class Pool {
 public:
  Pool(std::size_t count, std::size_t workers, const Work& work, const TakeAnswer& take, int retries)
      : count_(count), workers_(std::max<std::size_t>(workers, 1)), work_(work), take_(take), retries_(retries) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  ~Pool() {
    for (Child& child : children_) {
      ::kill(child.pid, SIGKILL);
      wait_for(child);
    }
  }

  void run() {
    std::size_t next = 0;
    while (next < count_ || !again_.empty() || !children_.empty()) {
      while (!again_.empty() && children_.size() < workers_ && start(again_.back().index, again_.back().deaths))
        again_.pop_back();
      while (next < count_ && children_.size() < workers_ && start(next, 0)) ++next;
      if (!children_.empty()) listen();
    }
  }

 private:
  struct Child {
    pid_t pid = 0;
    int fd = -1;
    std::size_t index = 0;
    int deaths = 0;  ///< of those before it
    std::string bytes;
    bool ended = false;
  };
  struct Retry {
    std::size_t index = 0;
    int deaths = 0;
  };

  /// False: not now, but when a child has ended.
  bool start(std::size_t index, int deaths) {
    std::array<int, 2> ends{-1, -1};
    const bool piped = ::pipe(ends.data()) == 0;
    std::fflush(nullptr);  // else what is still to be written would be written twice
    const pid_t parent = ::getpid();
    const pid_t pid = piped ? ::fork() : -1;
    const int error = errno;
    if (pid == 0) {
      ::close(ends[0]);
      live_as_child(work_, index, ends[1], parent);
    }
    if (piped) ::close(ends[1]);
    if (pid > 0) {
      children_.push_back({pid, ends[0], index, deaths, {}, false});
      return true;
    }
    if (piped) ::close(ends[0]);
    if (!children_.empty()) return false;
    take_(index, {false, fmt::format("cannot start a process: {}", std::strerror(error)), false});
    return true;
  }

  /// Take what children have sent, and let those go that have ended.
  void listen() {
    std::vector<pollfd> polled;
    for (const Child& child : children_) polled.push_back({child.fd, POLLIN, 0});
    if (::poll(polled.data(), polled.size(), -1) < 0) return;  // EINTR
    for (std::size_t i = 0; i < polled.size(); ++i)
      if (polled[i].revents != 0) receive(children_[i]);
    std::vector<Child> ended;
    for (Child& child : children_)
      if (child.ended) ended.push_back(std::move(child));
    std::erase_if(children_, [](const Child& child) { return child.ended; });
    std::vector<std::pair<std::size_t, WorkerAnswer>> answers;
    for (Child& child : ended) {
      WorkerAnswer answer = answer_of(child.bytes, wait_for(child));
      if (answer.died && child.deaths < retries_)
        again_.push_back({child.index, child.deaths + 1});
      else
        answers.emplace_back(child.index, std::move(answer));
    }
    for (auto& [index, answer] : answers) take_(index, std::move(answer));
  }

  static void receive(Child& child) {
    std::array<char, 65536> block;
    const ssize_t n = ::read(child.fd, block.data(), block.size());
    if (n > 0) child.bytes.append(block.data(), static_cast<std::size_t>(n));
    child.ended = n == 0 || (n < 0 && errno != EINTR);
  }

  static int wait_for(Child& child) {
    ::close(child.fd);
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0)
      if (errno != EINTR) return -1;
    return status;
  }

  std::size_t count_, workers_;
  const Work& work_;
  const TakeAnswer& take_;
  int retries_;
  std::vector<Child> children_;
  std::vector<Retry> again_;  ///< work whose process died
};

}  // namespace

void take_from_workers(std::size_t count, std::size_t workers, const Work& work, const TakeAnswer& take, int retries) {
  Pool(count, workers, work, take, retries).run();
}

std::vector<WorkerAnswer> run_in_workers(std::size_t count, std::size_t workers, const Work& work,
                                         const WorkProgress& progress) {
  std::vector<WorkerAnswer> answers(count);
  std::size_t done = 0;
  take_from_workers(count, workers, work, [&](std::size_t index, WorkerAnswer answer) {
    answers[index] = std::move(answer);
    ++done;
    if (progress) progress(done, count);
  });
  return answers;
}

std::size_t processor_count() { return std::max(std::thread::hardware_concurrency(), 1U); }

}  // namespace rehearse
