#include "memtable/space_reserve.h"

#include <memory>
#include <utility>

namespace timber::memtable {

SpaceReserve::SpaceReserve(Disk& disk, DirectorySync& names, JobRunner& runner, Health& health,
                           const std::string& directory, uint64_t bytes,
                           std::move_only_function<void()> changed)
    : disk_(disk),
      names_(names),
      runner_(runner),
      health_(health),
      path_(join_path(directory, kReserveFileName)),
      bytes_(bytes),
      changed_(std::move(changed)) {}

void SpaceReserve::work() {
    if (state_ != State::kMissing || !health_.may_try(Health::Part::kReserve)) return;
    state_ = State::kMaking;
    // The job's result outlives the job: it is looked at on the loop. Owners are the two halves.
    auto made = std::make_shared<Status>();
    runner_.run_plain(
        "make reserve", [this, made] { *made = make(); },
        [this, made] {
            state_ = made->ok() ? State::kHeld : State::kMissing;
            if (made->ok()) {
                health_.recovered(Health::Part::kReserve);
            } else {
                health_.failed(Health::Part::kReserve, made->error());
            }
            changed_();
        });
}

void SpaceReserve::give_up(Error error) {
    TIMBER_ASSERT(held());
    state_ = State::kGivingUp;
    health_.failed(Health::Part::kReserve, std::move(error));
    // If this fails the file holds on to its space, and making it again finds it so.
    runner_.run_plain(
        "give up reserve", [this] { (void)release_space().ok(); },
        [this] {
            state_ = State::kMissing;
            changed_();
        });
}

Status SpaceReserve::make() const {
    const uint64_t sync_failures_before = names_.failures();
    TIMBER_TRY(const FileHandle file, disk_.open(path_, {.create = true}));
    Status taken = take_space(file);
    disk_.close(file);
    if (!taken) {
        // Half a reserve helps nobody and may keep others from what they need.
        if (taken.error().code == ErrorCode::kNoSpace) (void)release_space().ok();
        return taken;
    }
    return names_.sync(sync_failures_before);
}

Status SpaceReserve::take_space(FileHandle file) const {
    TIMBER_TRY(const uint64_t size, disk_.size(file));
    if (size > bytes_) TIMBER_CHECK(disk_.truncate(file, bytes_));
    TIMBER_CHECK(await_allocate(disk_, file, path_, 0, bytes_));
    return await_sync(disk_, file, path_);
}

Status SpaceReserve::release_space() const {
    TIMBER_TRY(const FileHandle file, disk_.open(path_, {}));
    Status released = disk_.truncate(file, 0);
    // File systems free blocks when the change is durable.
    if (released) released = await_sync(disk_, file, path_);
    disk_.close(file);
    return released;
}

}  // namespace timber::memtable
