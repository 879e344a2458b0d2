// Lives of a machine: how they begin and end. What is watched while it lives: machine_watch.cc.
#include "tests/sim/machine.h"

#include <utility>

#include "src/base/assert.h"

namespace timber::sim {

using raftstore::Request;
using raftstore::Response;
using raftstore::Store;
using raftstore::StoreOptions;

// Runs with a callback, and notices if it is called twice or never.
struct Machine::Token {
    Token(Life& of, bool is_write, std::function<void(Response)> to)
        : life(of), write(is_write), answer(std::move(to)) {
        ++life.callbacks_open;
        if (write) ++life.writes_open;
    }
    ~Token() {
        if (!answered) broken("M1: a callback was dropped without an answer");
        --life.callbacks_open;
        if (write) --life.writes_open;
    }
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

    void take(Response response) {
        if (answered) broken("M1: a callback ran twice");
        if (life.submitting) broken("M1: a callback ran within submit()");
        if (!life.loop->on_loop_thread()) broken("M1: a callback ran outside of the loop");
        answered = true;
        if (life.alive) answer(std::move(response));
        answer = {};
    }

    Life& life;
    const bool write;
    std::function<void(Response)> answer;
    bool answered = false;
};

Machine::Life::Life(Machine& of, const SimDiskOptions& options, uint64_t clock_per_mille)
    : machine(of) {
    const Surroundings& around = machine.around_;
    loop = std::make_unique<SimLoop>(around.world, "store");
    loop->set_clock_rate(clock_per_mille);
    disk = std::make_unique<SimDisk>(around.world, options, std::move(machine.image_));
    disk->set_step_hook([this](const DiskStep& step) { machine.on_disk_step(step); });
    port = around.network.plug_in(
        machine.place_,
        [this](raftstore::Envelope envelope) {
            if (store != nullptr && alive) store->receive(std::move(envelope));
        },
        [this](raftstore::StoreId to) {
            if (store == nullptr || !alive || closing) return;
            loop->post([this, to] {
                if (store != nullptr && alive) store->unreachable(to);
            });
        });
}

Machine::Machine(Surroundings surroundings, size_t place) : around_(surroundings), place_(place) {}

Machine::~Machine() { TIMBER_ASSERT(life_ == nullptr); }

void Machine::start(StoreOptions options, const SimDiskOptions& disk, uint64_t clock_per_mille) {
    TIMBER_ASSERT(state_ == State::kDown);
    ++around_.counts.starts;
    ++lives_;
    failed_.reset();
    life_ = std::make_unique<Life>(*this, disk, clock_per_mille);
    state_ = State::kOpening;
    open(std::move(options));
}

void Machine::open(StoreOptions options) {
    options_ = options;
    Life& life = *life_;
    const Store::Environment environment{*life.disk, around_.world.executor(), *life.loop};
    Store::open(environment, options, *life.port, life,
                [&life](Result<std::unique_ptr<Store>> opened) {
                    TIMBER_ASSERT(!life.opened);
                    life.opened = true;
                    if (opened.ok()) {
                        life.store = std::move(*opened);
                    } else {
                        life.open_error = opened.error();
                    }
                });
}

void Machine::on_disk_step(const DiskStep& step) {
    if (!trap_ || !life_alive()) return;
    if (step.path.find(trap_->path_contains) == std::string_view::npos) return;
    if (--trap_->left > 0) return;
    ++around_.counts.deaths_by_trap;
    die(trap_->death);
}

void Machine::set_trap(Death death, uint64_t nth, std::string path_contains) {
    TIMBER_ASSERT_OP(nth, >, 0u);
    trap_ = Trap{death, nth, std::move(path_contains)};
}

void Machine::die(Death death) {
    if (!life_alive()) return;
    ++(death == Death::kPowerCut ? around_.counts.power_cuts : around_.counts.process_deaths);
    if (state_ == State::kOpening) ++around_.counts.deaths_while_opening;
    end_life(death);
}

void Machine::end_life(Death death) {
    note_leaders_lost();
    life_->alive = false;
    life_->port->unplug();
    trap_.reset();
    life_->disk->crash(death, around_.world.random().next());
    life_->loop->set_paused(false);
    state_ = State::kUnwinding;
}

void Machine::stop() {
    if (state_ != State::kUp) return;
    ++around_.counts.stops;
    trap_.reset();
    life_->loop->set_paused(false);
    state_ = State::kUnwinding;
}

void Machine::poll() {
    if (state_ == State::kOpening && life_->opened) {
        note_opened();
    } else if (state_ == State::kUnwinding) {
        unwind();
    }
}

void Machine::note_opened() {
    Life& life = *life_;
    if (life.store != nullptr) {
        state_ = State::kUp;
        check_all_states();
        return;
    }
    if (life.open_error->code == ErrorCode::kAlreadyExists && options_.formation) {
        // It had been formed before it died.
        life.opened = false;
        StoreOptions options = options_;
        options.formation.reset();
        return open(std::move(options));
    }
    ++around_.counts.openings_failed;
    failed_ = life.open_error;
    state_ = State::kUnwinding;
}

void Machine::unwind() {
    Life& life = *life_;
    if (!life.opened) return;
    if (life.store != nullptr) {
        if (life.holds > 0) return;  // close() wants snapshots and iterators gone
        if (!life.closing) {
            life.closing = true;
            life.store->close([&life] { life.closed = true; });
        }
        if (!life.closed) return;
        life.store.reset();
        if (life.callbacks_open != 0)
            broken("T1: a Store was closed and left callbacks unanswered");
    }
    if (!life.loop->idle()) return;
    if (life.disk->files_open() > 0) {
        broken("M2: a life that is over left a file open: " + life.disk->any_open_path() +
               (life.open_error ? " (" + life.open_error->to_string() + ")" : ""));
    }
    image_ = life.disk->image();
    life.port->unplug();
    life_.reset();
    state_ = State::kDown;
}

void Machine::wipe() {
    TIMBER_ASSERT(state_ == State::kDown);
    image_ = DiskImage();
}

bool Machine::submit(Request request, std::function<void(Response)> answer) {
    if (!up()) return false;
    Life& life = *life_;
    const bool write = std::holds_alternative<raftstore::WriteRequest>(request);
    auto token = std::make_unique<Token>(life, write, std::move(answer));
    life.submitting = true;
    life.store->submit(std::move(request), [token = std::move(token)](Response response) mutable {
        token->take(std::move(response));
    });
    life.submitting = false;
    return true;
}

std::shared_ptr<void> Machine::hold() {
    TIMBER_ASSERT(life_ != nullptr);
    ++life_->holds;
    // Owners: whoever reads a snapshot of this life.
    return std::shared_ptr<void>(nullptr, [life = life_.get()](void*) { --life->holds; });
}

}  // namespace timber::sim
