#include "coordinator/service/rpc_metrics.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/support/server_interceptor.h"

namespace merganser {
namespace {

using ::grpc::experimental::InterceptionHookPoints;
using ::grpc::experimental::InterceptorBatchMethods;

// 0 … 16, as gRPC numbers its codes.
constexpr int kCodes = 17;

struct MethodMetrics {
  Histogram duration;
  std::array<Counter, kCodes> by_code;
};

// Of one call.
class RpcTimer : public grpc::experimental::Interceptor {
 public:
  explicit RpcTimer(const MethodMetrics& metrics)
      : metrics_(metrics), start_(absl::Now()) {}

  // A call that ended without a status of ours was cancelled.
  ~RpcTimer() override { Count(grpc::StatusCode::CANCELLED); }

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::PRE_SEND_STATUS)) {
      Count(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  void Count(int code) {
    if (std::exchange(counted_, true)) return;
    if (code < 0 || code >= kCodes) code = grpc::StatusCode::UNKNOWN;
    metrics_.by_code[static_cast<size_t>(code)].Add();
    metrics_.duration.Observe(absl::Now() - start_);
  }

  const MethodMetrics& metrics_;
  const absl::Time start_;
  bool counted_ = false;
};

// Threads: safe.
class RpcTimerFactory
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit RpcTimerFactory(MetricRegistry& registry) : registry_(registry) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new RpcTimer(MetricsOf(info->method()));
  }

 private:
  // The object stays where it is.
  const MethodMetrics& MetricsOf(const char* method) {
    absl::MutexLock lock(&mutex_);
    const auto found = methods_.find(method);
    if (found != methods_.end()) return found->second;
    MethodMetrics& metrics = methods_[method];
    const std::string name(absl::StripPrefix(method, "/"));
    metrics.duration =
        registry_.AddHistogram({"merganser_rpc_duration_seconds",
                                "From an RPC's arrival to its status."},
                               DurationBuckets(), {{"method", name}});
    for (int code = 0; code < kCodes; ++code) {
      metrics.by_code[static_cast<size_t>(code)] = registry_.AddCounter(
          {"merganser_rpcs_total", "RPCs answered."},
          {{"method", name},
           {"code",
            absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}});
    }
    return metrics;
  }

  MetricRegistry& registry_;
  absl::Mutex mutex_;
  std::map<std::string, MethodMetrics, std::less<>> methods_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

void CountRpcs(grpc::ServerBuilder& builder, MetricRegistry& registry) {
  std::vector<
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
      factories;
  factories.push_back(std::make_unique<RpcTimerFactory>(registry));
  builder.experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace merganser
