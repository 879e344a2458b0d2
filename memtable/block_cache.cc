#include "memtable/block_cache.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <optional>
#include <utility>

#include "src/base/assert.h"
#include "src/base/mutex.h"

namespace timber::memtable {

namespace {

// How often the hand passes by a block that was found again and again, until it is evicted.
constexpr uint8_t kTouchesMax = 3;
constexpr size_t kShardsMax = 64;
// A shard is not worth its lock below this.
constexpr size_t kShardBytesMin = 512_KiB;
constexpr size_t kBucketsFirst = 64;
// Entries that an insertion looks at for blocks of forgotten tables.
constexpr size_t kPurgeStep = 8;
constexpr size_t kForgottenMax = 64;

uint64_t hash_of(CacheId id, uint64_t offset) {
    uint64_t mixed = (id.value() * 0x9e3779b97f4a7c15) ^ (offset * 0xc2b2ae3d27d4eb4f);
    mixed ^= mixed >> 32;
    mixed *= 0xd6e8feb86659fd93;
    return mixed ^ (mixed >> 32);
}

// Makes one piece of memory of what is asked for and `content_bytes` behind it.
template <typename T>
struct ContentAllocator {
    using value_type = T;

    ContentAllocator(size_t bytes, char** where) : content_bytes(bytes), content(where) {}
    template <typename U>
    ContentAllocator(const ContentAllocator<U>& other)
        : content_bytes(other.content_bytes), content(other.content) {}

    T* allocate(size_t count) {
        auto* memory = static_cast<char*>(::operator new(count * sizeof(T) + content_bytes));
        *content = memory + count * sizeof(T);
        return reinterpret_cast<T*>(memory);
    }
    void deallocate(T* memory, size_t) { ::operator delete(memory); }

    template <typename U>
    bool operator==(const ContentAllocator<U>&) const {
        return true;
    }

    size_t content_bytes;
    char** content;  // good while the memory is made
};

}  // namespace

NewBlock make_block(size_t bytes) {
    char* content = nullptr;
    auto block = std::allocate_shared<Block>(ContentAllocator<Block>(bytes, &content));
    block->data = content;
    block->bytes = bytes;
    return {std::move(block), {reinterpret_cast<std::byte*>(content), bytes}};
}

namespace internal {

// A part of the cache with a lock of its own. Entries lie in an array; a hand goes round over it,
// takes a touch from those that were found since it last came by, and evicts those without. They
// are found by buckets of half a hash and an entry's number, so that no entry is looked at in vain.
class alignas(64) BlockCacheShard {
  public:
    BlockRef find(CacheId id, uint64_t offset, uint64_t hash) {
        const MutexLock lock(mutex_);
        const size_t at = bucket_of(id, offset, static_cast<uint32_t>(hash));
        if (at == kNoBucket) {
            ++misses_;
            return nullptr;
        }
        Entry& entry = entries_[buckets_[at].entry];
        if (entry.touches < kTouchesMax) ++entry.touches;
        ++hits_;
        return entry.block;
    }

    // False if the block was there already. Up to kPurgeStep blocks of forgotten tables go to
    // `purged`.
    bool insert(CacheId id, uint64_t offset, uint64_t hash, BlockRef block,
                std::vector<BlockRef>& purged) {
        const MutexLock lock(mutex_);
        if (!forgotten_.empty()) purge(purged);
        if (bucket_of(id, offset, static_cast<uint32_t>(hash)) != kNoBucket) return false;
        if (2 * (blocks_ + 1) > buckets_.size()) grow();
        const uint32_t entry = take_free();
        bytes_ += block_charge(*block);
        entries_[entry] = {id, offset, std::move(block), static_cast<uint32_t>(hash)};
        put_bucket({static_cast<uint32_t>(hash), entry});
        ++blocks_;
        ++inserts_;
        return true;
    }

    // Evicts one block, which `evicted` then holds; how many bytes went, 0 if there was none.
    size_t evict(BlockRef& evicted) {
        const MutexLock lock(mutex_);
        if (blocks_ == 0) return 0;
        for (;; ++hand_) {
            if (hand_ >= entries_.size()) hand_ = 0;
            Entry& entry = entries_[hand_];
            if (entry.block == nullptr) continue;
            if (entry.touches == 0) break;
            --entry.touches;
        }
        ++evictions_;
        evicted = remove(static_cast<uint32_t>(hand_++));
        return block_charge(*evicted);
    }

    void forget(CacheId id) {
        const MutexLock lock(mutex_);
        if (blocks_ == 0) return;
        // One that is given up here falls out in time.
        if (forgotten_.size() == kForgottenMax) forgotten_.erase(forgotten_.begin());
        forgotten_.push_back(id);
        purge_left_ = entries_.size();
    }

    void add_to(BlockCache::Stats& stats) const {
        const MutexLock lock(mutex_);
        stats.bytes += bytes_;
        stats.blocks += blocks_;
        stats.hits += hits_;
        stats.misses += misses_;
        stats.inserts += inserts_;
        stats.evictions += evictions_;
    }

    void check_invariants() const {
        const MutexLock lock(mutex_);
        size_t bytes = 0;
        uint64_t blocks = 0;
        for (const Entry& entry : entries_) {
            if (entry.block == nullptr) continue;
            bytes += block_charge(*entry.block);
            ++blocks;
            size_t found = 0;  // BC2
            for (const Bucket& bucket : buckets_)
                if (bucket.entry != kNone && entries_[bucket.entry].id == entry.id &&
                    entries_[bucket.entry].offset == entry.offset)
                    ++found;
            TIMBER_ASSERT_OP(found, ==, 1u);
            TIMBER_ASSERT(bucket_of(entry.id, entry.offset, entry.hash) != kNoBucket);
        }
        TIMBER_ASSERT_OP(bytes, ==, bytes_);
        TIMBER_ASSERT_OP(blocks, ==, blocks_);
    }

    static size_t block_charge(const Block& block) { return block.bytes + kBlockOverheadBytes; }

  private:
    static constexpr uint32_t kNone = UINT32_MAX;
    static constexpr size_t kNoBucket = SIZE_MAX;

    struct Entry {
        CacheId id;
        uint64_t offset = 0;
        BlockRef block;  // null: free
        uint32_t hash = 0;
        uint8_t touches = 0;
        uint32_t next_free = kNone;
    };
    // Open addressing with linear probing, half full at most.
    struct Bucket {
        uint32_t hash = 0;
        uint32_t entry = kNone;
    };
    // What a block costs besides its content: its entry, two buckets, what lies before the content.
    static constexpr size_t kBlockOverheadBytes = sizeof(Entry) + 2 * sizeof(Bucket) + 64;

    size_t home(uint32_t hash) const TIMBER_REQUIRES(mutex_) {
        return hash & (buckets_.size() - 1);
    }
    size_t behind(size_t bucket) const TIMBER_REQUIRES(mutex_) {
        return (bucket + 1) & (buckets_.size() - 1);
    }

    size_t bucket_of(CacheId id, uint64_t offset, uint32_t hash) const TIMBER_REQUIRES(mutex_) {
        for (size_t at = home(hash); buckets_[at].entry != kNone; at = behind(at)) {
            if (buckets_[at].hash != hash) continue;
            const Entry& entry = entries_[buckets_[at].entry];
            if (entry.offset == offset && entry.id == id) return at;
        }
        return kNoBucket;
    }

    void put_bucket(Bucket bucket) TIMBER_REQUIRES(mutex_) {
        size_t at = home(bucket.hash);
        while (buckets_[at].entry != kNone) at = behind(at);
        buckets_[at] = bucket;
    }

    void grow() TIMBER_REQUIRES(mutex_) {
        const std::vector<Bucket> before = std::exchange(
            buckets_, std::vector<Bucket>(std::max(kBucketsFirst, 2 * buckets_.size())));
        for (const Bucket& bucket : before)
            if (bucket.entry != kNone) put_bucket(bucket);
    }

    // Takes a bucket out, and moves those behind it up that would not be found any more.
    void remove_bucket(size_t hole) TIMBER_REQUIRES(mutex_) {
        for (size_t at = behind(hole); buckets_[at].entry != kNone; at = behind(at)) {
            const size_t wanted = home(buckets_[at].hash);
            // Whether `wanted` lies in (hole, at], round the end: then it may stay.
            const bool stays =
                hole < at ? wanted > hole && wanted <= at : wanted > hole || wanted <= at;
            if (stays) continue;
            buckets_[hole] = buckets_[at];
            hole = at;
        }
        buckets_[hole] = {};
    }

    uint32_t take_free() TIMBER_REQUIRES(mutex_) {
        if (free_ == kNone) {
            entries_.emplace_back();
            return static_cast<uint32_t>(entries_.size() - 1);
        }
        return std::exchange(free_, entries_[free_].next_free);
    }

    BlockRef remove(uint32_t at) TIMBER_REQUIRES(mutex_) {
        Entry& entry = entries_[at];
        remove_bucket(bucket_of(entry.id, entry.offset, entry.hash));
        BlockRef block = std::exchange(entry.block, nullptr);
        entry.next_free = std::exchange(free_, at);
        bytes_ -= block_charge(*block);
        --blocks_;
        return block;
    }

    // Forgetting takes its time, a few entries with each insertion, because whoever lets go of a
    // table last must not be held up by the thousands of blocks that it may have had.
    void purge(std::vector<BlockRef>& purged) TIMBER_REQUIRES(mutex_) {
        for (size_t i = 0; i < kPurgeStep && purge_left_ > 0; ++i, --purge_left_) {
            purge_at_ = purge_at_ + 1 < entries_.size() ? purge_at_ + 1 : 0;
            const Entry& entry = entries_[purge_at_];
            if (entry.block != nullptr && std::ranges::count(forgotten_, entry.id) > 0)
                purged.push_back(remove(static_cast<uint32_t>(purge_at_)));
        }
        if (purge_left_ == 0) forgotten_.clear();
    }

    mutable Mutex mutex_;
    std::vector<Bucket> buckets_ TIMBER_GUARDED_BY(mutex_) = std::vector<Bucket>(kBucketsFirst);
    std::vector<Entry> entries_ TIMBER_GUARDED_BY(mutex_);
    uint32_t free_ TIMBER_GUARDED_BY(mutex_) = kNone;
    size_t hand_ TIMBER_GUARDED_BY(mutex_) = 0;
    // Tables whose blocks are to go, and how many entries are to be looked at for that.
    std::vector<CacheId> forgotten_ TIMBER_GUARDED_BY(mutex_);
    size_t purge_left_ TIMBER_GUARDED_BY(mutex_) = 0;
    size_t purge_at_ TIMBER_GUARDED_BY(mutex_) = 0;
    size_t bytes_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t blocks_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t hits_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t misses_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t inserts_ TIMBER_GUARDED_BY(mutex_) = 0;
    uint64_t evictions_ TIMBER_GUARDED_BY(mutex_) = 0;
};

}  // namespace internal

class BlockCache::Core {
  public:
    explicit Core(size_t bytes_max)
        : bytes_max_(bytes_max),
          shards_(std::clamp<size_t>(bytes_max / kShardBytesMin, 1, kShardsMax)) {}

    CacheId new_id() {
        const uint64_t id = id_last_.fetch_add(1, std::memory_order_relaxed) + 1;
        return CacheId(id);
    }

    BlockRef find(CacheId id, uint64_t offset) {
        const uint64_t hash = hash_of(id, offset);
        return shard(hash).find(id, offset, hash);
    }

    void insert(CacheId id, uint64_t offset, BlockRef block) {
        TIMBER_ASSERT(block != nullptr);
        const uint64_t hash = hash_of(id, offset);
        const size_t bytes = Shard::block_charge(*block);
        // Counted before it is there: it may be evicted the moment it is.
        used_.fetch_add(bytes, std::memory_order_relaxed);
        std::vector<BlockRef> purged;
        if (!shard(hash).insert(id, offset, hash, std::move(block), purged)) give_back(bytes);
        for (const BlockRef& gone : purged) give_back(Shard::block_charge(*gone));
        make_room();
    }

    void forget(CacheId id) {
        for (Shard& shard : shards_) shard.forget(id);
    }

    void reserve(size_t bytes) {
        reserved_.fetch_add(bytes, std::memory_order_relaxed);
        used_.fetch_add(bytes, std::memory_order_relaxed);
        make_room();
    }
    void release(size_t bytes) {
        TIMBER_ASSERT_OP(reserved_.load(std::memory_order_relaxed), >=, bytes);
        reserved_.fetch_sub(bytes, std::memory_order_relaxed);
        give_back(bytes);
    }

    Stats stats() const {
        Stats stats{.bytes_max = bytes_max_};
        stats.bytes_reserved = reserved_.load(std::memory_order_relaxed);
        for (const Shard& shard : shards_) shard.add_to(stats);
        return stats;
    }

    // Of a cache that nobody uses meanwhile.
    void check_invariants() const {
        for (const Shard& shard : shards_) shard.check_invariants();
        const Stats now = stats();
        TIMBER_ASSERT_OP(now.bytes + now.bytes_reserved, ==, used_.load());
        if (now.blocks > 0) TIMBER_ASSERT_OP(used_.load(), <=, bytes_max_);  // BC1
    }

  private:
    using Shard = internal::BlockCacheShard;

    // By other bits than those that choose the bucket.
    Shard& shard(uint64_t hash) { return shards_[(hash >> 32) % shards_.size()]; }
    void give_back(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

    // Evicts until what is used is within the limit, from one shard after the other.
    void make_room() {
        size_t empty = 0;
        while (used_.load(std::memory_order_relaxed) > bytes_max_ && empty < shards_.size()) {
            const size_t turn = turn_.fetch_add(1, std::memory_order_relaxed);
            BlockRef evicted;
            const size_t bytes = shards_[turn % shards_.size()].evict(evicted);
            give_back(bytes);
            empty = bytes == 0 ? empty + 1 : 0;
        }
    }

    const size_t bytes_max_;
    std::vector<Shard> shards_;
    std::atomic<uint64_t> id_last_ = 0;
    std::atomic<size_t> used_ = 0;  // blocks and reservations
    std::atomic<size_t> reserved_ = 0;
    std::atomic<size_t> turn_ = 0;  // the shard that evicts next
};

BlockCache::BlockCache(size_t bytes_max) : core_(std::make_unique<Core>(bytes_max)) {}
BlockCache::~BlockCache() = default;
CacheId BlockCache::new_id() { return core_->new_id(); }
BlockRef BlockCache::find(CacheId id, uint64_t offset) { return core_->find(id, offset); }
void BlockCache::insert(CacheId id, uint64_t offset, BlockRef block) {
    core_->insert(id, offset, std::move(block));
}
void BlockCache::forget(CacheId id) { core_->forget(id); }
void BlockCache::reserve(size_t bytes) { core_->reserve(bytes); }
void BlockCache::release(size_t bytes) { core_->release(bytes); }
BlockCache::Stats BlockCache::stats() const { return core_->stats(); }
void BlockCache::check_invariants() const { core_->check_invariants(); }

}  // namespace timber::memtable
