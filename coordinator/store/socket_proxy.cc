#include "coordinator/store/socket_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace merganser {
namespace {

constexpr int kPollMilliseconds = 2;

sockaddr_un Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

int Socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// What can be read at once; empty at the end of the stream.
std::string Read(int fd) {
  char bytes[65536];
  const ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
  return std::string(bytes, size > 0 ? static_cast<size_t>(size) : 0);
}

bool Write(int fd, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count =
        send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

bool Readable(int fd, int milliseconds) {
  pollfd state{fd, POLLIN, 0};
  return fd >= 0 && poll(&state, 1, milliseconds) > 0;
}

void Close(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

SocketProxy::SocketProxy(const std::string& target_path)
    : target_path_(target_path), path_(target_path + ".proxy") {
  listener_ = Socket();
  const sockaddr_un address = Address(path_);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(listener_, 16) != 0) {
    abort();
  }
  thread_ = std::thread([this] { Serve(); });
}

SocketProxy::~SocketProxy() {
  stopping_ = true;
  thread_.join();
  Close(listener_);
  absl::MutexLock lock(&mutex_);
  for (Link& link : links_) {
    Close(link.client);
    Close(link.server);
  }
}

void SocketProxy::Serve() {
  while (!stopping_) {
    std::vector<pollfd> states = {{listener_, POLLIN, 0}};
    {
      absl::MutexLock lock(&mutex_);
      for (const Link& link : links_) {
        states.push_back({link.client, POLLIN, 0});
        states.push_back({link.server, POLLIN, 0});
      }
    }
    poll(states.data(), states.size(), kPollMilliseconds);
    absl::MutexLock lock(&mutex_);
    for (Link& link : links_) {
      if (Readable(link.client, 0)) FromClient(link);
      if (link.fault != Fault::kHoldRequests && Readable(link.server, 0)) {
        FromServer(link);
      }
    }
    if (Readable(listener_, 0)) Accept();
  }
}

void SocketProxy::Accept() {
  Link link;
  link.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  link.server = Socket();
  const sockaddr_un address = Address(target_path_);
  if (connect(link.server, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    Close(link.client);
    Close(link.server);
    return;
  }
  links_.push_back(link);
}

void SocketProxy::FromClient(Link& link) {
  const std::string bytes = Read(link.client);
  if (link.fault == Fault::kHoldRequests) {
    link.held += bytes;
    if (bytes.empty()) Close(link.client);
    return;
  }
  if (bytes.empty() || !Write(link.server, bytes)) {
    Close(link.client);
    Close(link.server);
  }
}

void SocketProxy::FromServer(Link& link) {
  const std::string bytes = Read(link.server);
  if (bytes.empty()) {
    Close(link.client);
    Close(link.server);
  } else if (link.fault == Fault::kNone) {
    Write(link.client, bytes);
  }
}

void SocketProxy::Strike(Fault fault) {
  absl::MutexLock lock(&mutex_);
  for (Link& link : links_) link.fault = fault;
}

int SocketProxy::ReleaseHeld() {
  absl::MutexLock lock(&mutex_);
  int answered = 0;
  for (Link& link : links_) {
    if (link.held.empty()) continue;
    Write(link.server, link.held);
    link.held.clear();
    if (Readable(link.server, -1) && !Read(link.server).empty()) ++answered;
    Close(link.client);
    Close(link.server);
  }
  return answered;
}

}  // namespace merganser
