#include "client/embedded/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr int kLogMode = 0644;

// Descriptors that the child gets; -1 = /dev/null in, our own out.
struct Stdio {
  int in = -1;
  int out = -1;
  int error = -1;
};

void CloseIfOpen(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

// Owns up to six descriptors while a child is being started.
struct Descriptors {
  int log = -1;
  int null_in = -1;
  int child_in = -1;
  int our_in = -1;
  int child_out = -1;
  int our_out = -1;
  int exec_error_read = -1;
  int exec_error_write = -1;

  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (int* each : {&log, &null_in, &child_in, &our_in, &child_out, &our_out,
                      &exec_error_read, &exec_error_write}) {
      CloseIfOpen(*each);
    }
  }
};

absl::Status MakePipe(int& read_end, int& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a pipe");
  }
  read_end = ends[0];
  write_end = ends[1];
  return absl::OkStatus();
}

absl::Status OpenDescriptors(const Process::Options& options,
                             Descriptors& descriptors) {
  RETURN_IF_ERROR(
      MakePipe(descriptors.exec_error_read, descriptors.exec_error_write));
  if (!options.log_path.empty()) {
    descriptors.log = open(options.log_path.c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kLogMode);
    if (descriptors.log < 0) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat(options.log_path, ": cannot open"));
    }
  }
  if (!options.pipes) {
    descriptors.null_in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptors.null_in < 0) {
      return absl::ErrnoToStatus(errno, "/dev/null: cannot open");
    }
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(MakePipe(descriptors.child_in, descriptors.our_in));
  RETURN_IF_ERROR(MakePipe(descriptors.our_out, descriptors.child_out));
  for (const int each : {descriptors.our_in, descriptors.our_out}) {
    if (fcntl(each, F_SETFL, fcntl(each, F_GETFL) | O_NONBLOCK) != 0) {
      return absl::ErrnoToStatus(errno, "cannot set up a pipe");
    }
  }
  return absl::OkStatus();
}

Stdio ChildStdio(const Process::Options& options,
                 const Descriptors& descriptors) {
  if (!options.pipes) {
    return {descriptors.null_in, descriptors.log, descriptors.log};
  }
  return {descriptors.child_in, descriptors.child_out, descriptors.log};
}

// Signals as a program expects to find them.
void ResetSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// What happens in the child between fork and exec: async-signal-safe calls
// only, since other threads may have held locks.
[[noreturn]] void BecomeChild(char* const* arguments, const Stdio& stdio,
                              pid_t parent, int error_pipe) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above.
  if (getppid() != parent) _exit(1);
  ResetSignals();
  if (stdio.in >= 0) dup2(stdio.in, STDIN_FILENO);
  if (stdio.out >= 0) dup2(stdio.out, STDOUT_FILENO);
  if (stdio.error >= 0) dup2(stdio.error, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
  execvp(arguments[0], arguments);
  const int error = errno;
  // If this fails too, the parent sees exit code 127 alone.
  [[maybe_unused]] const ssize_t written =
      write(error_pipe, &error, sizeof(error));
  _exit(127);
}

// Nullopt once the child executes its program; else why it does not.
std::optional<int> ReadExecError(int descriptor) {
  int error = 0;
  ssize_t got;
  do {
    got = read(descriptor, &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof(error))) return std::nullopt;
  return error;
}

ProcessEnd EndOf(int status) {
  if (WIFSIGNALED(status)) return {true, WTERMSIG(status)};
  return {false, WEXITSTATUS(status)};
}

}  // namespace

std::string ProcessEnd::ToString() const {
  if (!killed) return absl::StrCat("exited with code ", code);
  return absl::StrCat("was killed by signal ", code, " (", strsignal(code),
                      ")");
}

absl::StatusOr<Process> Process::Start(const Options& options) {
  Descriptors descriptors;
  RETURN_IF_ERROR(OpenDescriptors(options, descriptors));
  std::vector<char*> arguments = {const_cast<char*>(options.binary.c_str())};
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const Stdio stdio = ChildStdio(options, descriptors);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat(options.binary, ": cannot start a process"));
  }
  if (pid == 0) {
    BecomeChild(arguments.data(), stdio, parent, descriptors.exec_error_write);
  }
  // In the child too; whoever comes first.
  setpgid(pid, pid);
  CloseIfOpen(descriptors.exec_error_write);
  Process process(pid, std::exchange(descriptors.our_in, -1),
                  std::exchange(descriptors.our_out, -1));
  if (const auto error = ReadExecError(descriptors.exec_error_read)) {
    process.Wait();
    return absl::ErrnoToStatus(
        *error, absl::StrCat(options.binary, ": cannot execute"));
  }
  return process;
}

Process::Process(pid_t pid, int stdin_descriptor, int stdout_descriptor)
    : pid_(pid), stdin_(stdin_descriptor), stdout_(stdout_descriptor) {}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      end_(other.end_),
      stdin_(std::exchange(other.stdin_, -1)),
      stdout_(std::exchange(other.stdout_, -1)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  Kill();
  pid_ = std::exchange(other.pid_, -1);
  end_ = other.end_;
  stdin_ = std::exchange(other.stdin_, -1);
  stdout_ = std::exchange(other.stdout_, -1);
  return *this;
}

Process::~Process() { Kill(); }

void Process::Kill() {
  CloseIfOpen(stdin_);
  CloseIfOpen(stdout_);
  if (pid_ < 0 || end_.has_value()) return;
  Signal(SIGKILL);
  Wait();
}

std::optional<ProcessEnd> Process::Poll() {
  if (end_.has_value()) return end_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) end_ = EndOf(status);
  return end_;
}

ProcessEnd Process::Wait() {
  int status = 0;
  while (!end_.has_value()) {
    const pid_t got = waitpid(pid_, &status, 0);
    if (got == pid_) end_ = EndOf(status);
    // Somebody else reaped it: all that is known is that it is gone.
    if (got < 0 && errno != EINTR) end_ = ProcessEnd{true, SIGKILL};
  }
  return *end_;
}

void Process::Signal(int signal) {
  // Not reaped yet, so that the number cannot be another's.
  if (pid_ > 0 && !end_.has_value()) kill(-pid_, signal);
}

void Process::CloseStdin() { CloseIfOpen(stdin_); }

absl::StatusOr<std::string> BesideOwnExecutable(const std::string& name) {
  std::string own(4096, '\0');
  const ssize_t length = readlink("/proc/self/exe", own.data(), own.size());
  if (length <= 0) return absl::ErrnoToStatus(errno, "/proc/self/exe");
  own.resize(length);
  std::string path = own.substr(0, own.rfind('/') + 1) + name;
  if (access(path.c_str(), X_OK) != 0) {
    return absl::UnavailableError(
        absl::StrCat(path, ": expected the program ", name,
                     " beside merganser's own executable; build or install it "
                     "there"));
  }
  return path;
}

absl::StatusOr<std::string> FindInPath(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), X_OK) == 0) return name;
    return absl::NotFoundError(
        absl::StrCat(name, ": is not there, or not executable"));
  }
  const char* path = getenv("PATH");
  for (const absl::string_view folder :
       absl::StrSplit(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::NotFoundError(absl::StrCat(name, ": is not in PATH"));
}

}  // namespace merganser
