// Connections between our processes, set up the same way everywhere.
#pragma once

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/server_builder.h"

namespace merganser {

struct ChannelOptions {
  // Send a call again within gRPC when the connection breaks before an answer.
  // Off where calls carry bulk, or are repeated by their caller.
  bool transparent_retries = false;
};

// Whether `address` has the form "host:port" or "unix:/path".
bool IsAddress(const std::string& address);
// What is wrong with it, for the options of a command line; empty if nothing.
std::string AddressError(const std::string& address);

// A channel to `address`, "host:port" or "unix:/path", without transport
// security. Connects on first use and reconnects by itself; it never fails
// here, its calls do, with UNAVAILABLE.
std::shared_ptr<grpc::Channel> CreateChannel(
    const std::string& address, const ChannelOptions& options = {});

// Message limits and keepalive to match those of CreateChannel(), and an error
// instead of a shared port when another process listens there.
void ConfigureServer(grpc::ServerBuilder& builder);

}  // namespace merganser
