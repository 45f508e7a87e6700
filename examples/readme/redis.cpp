#include <mooring/session/metadata.hpp>
#include <mooring/storage/redis_storage.hpp>
#include <mooring/storage/redis_url.hpp>

#include <boost/asio/io_context.hpp>

using namespace mooring;

// In the place of local_storage, for all replicas that are given the same.
std::shared_ptr<storage<metadata>> shared_records(executor here) {
  auto where = redis_options_from_url("redis://127.0.0.1").value();
  where.key_prefix = "mooring:gateway:";
  return redis_storage<metadata>::make(here, std::move(where)).value();
}

int main() {
  asio::io_context context;
  return shared_records(context.get_executor()) ? 0 : 1;  // connects at the first operation
}
