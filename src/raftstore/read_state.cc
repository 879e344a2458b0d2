#include "src/raftstore/read_state.h"

#include <algorithm>

namespace timber::raftstore {

// A scan of more may take too long for a loop, even in memory.
static constexpr uint32_t kLoopScanLimit = 64;

static Result<Response> get(const memtable::Store& state, const GetRequest& request,
                            const memtable::ReadOptions& options) {
    Response response;
    memtable::PinnedValue value;
    TIMBER_TRY(const bool found, state.get(options, request.family, request.key, value));
    if (found) response.value = value.to_string();
    return response;
}

static Result<Response> scan(const memtable::Store& state, const ScanRequest& request,
                             const Region& region, const StoreOptions& store_options,
                             memtable::ReadOptions options) {
    const uint32_t limit = std::min(request.limit, store_options.scan_limit_max);
    size_t bytes_max = store_options.scan_bytes_max;
    if (request.bytes_max > 0) bytes_max = std::min(bytes_max, request.bytes_max);
    if (options.cache_only && limit > kLoopScanLimit) {
        return make_error(ErrorCode::kBusy, "a long scan");
    }
    Response response;
    if (limit == 0) return response;
    options.lower = region.start_key;
    options.upper = region.end_key;
    const auto iterator = state.new_iterator(options, request.family);
    size_t bytes = 0;
    for (iterator->seek(request.start_key); iterator->valid(); iterator->next()) {
        bytes += iterator->key().size() + iterator->value().size();
        // One pair is always given, however large.
        if (bytes > bytes_max && !response.pairs.empty()) {
            response.pairs_cut = true;
            return response;
        }
        response.pairs.push_back({std::string(iterator->key()), std::string(iterator->value())});
        if (response.pairs.size() == limit) return response;
    }
    TIMBER_CHECK(iterator->status());
    return response;
}

Result<Response> read_state(const memtable::Store& state, const ReadRequest& request,
                            const Region& region, const StoreOptions& options,
                            const memtable::ReadOptions& read_options) {
    if (const auto* one = std::get_if<GetRequest>(&request)) return get(state, *one, read_options);
    const auto* many = std::get_if<ScanRequest>(&request);
    TIMBER_ASSERT(many != nullptr);
    return scan(state, *many, region, options, read_options);
}

}  // namespace timber::raftstore
