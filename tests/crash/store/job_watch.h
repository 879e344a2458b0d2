#pragma once
// An executor that knows which kinds of jobs are under way, by their names.
//
// Thread:   the world's.
// Lifetime: outlives the jobs.
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "src/base/io/executor.h"

namespace timber::memtable {

enum class JobKind : unsigned { kFlush, kCompaction, kManifest, kIngest, kRemoval, kOther, kCount };

class JobWatch : public Executor {
  public:
    explicit JobWatch(Executor& executor) : executor_(executor) {}

    void run(const char* name, std::move_only_function<void()> job) override {
        const JobKind kind = kind_of(name);
        executor_.run(name, [this, kind, job = std::move(job)]() mutable {
            size_t& running = running_[static_cast<size_t>(kind)];
            ++running;
            job();
            --running;
        });
    }
    bool running(JobKind kind) const { return running_[static_cast<size_t>(kind)] > 0; }

  private:
    static JobKind kind_of(std::string_view name) {
        constexpr std::array<std::pair<std::string_view, JobKind>, 5> kNames = {
            {{"flush", JobKind::kFlush},
             {"compact", JobKind::kCompaction},
             {"manifest", JobKind::kManifest},
             {"ingest", JobKind::kIngest},
             {"remov", JobKind::kRemoval}}};
        for (const auto& [part, kind] : kNames)
            if (name.find(part) != name.npos) return kind;
        return JobKind::kOther;
    }

    Executor& executor_;
    std::array<size_t, static_cast<size_t>(JobKind::kCount)> running_{};
};

}  // namespace timber::memtable
