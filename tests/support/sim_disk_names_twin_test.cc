// Names on the simulated disk against their stupid twin: for each name, the list of everything that
// it may stand for after a power cut, and for each file, whether some name must still lead to it.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/sim_disk_fixture.h"

namespace timber {
namespace {

// Files are told apart by their content, which is durable before they get their name in the twin.
using Content = std::optional<std::string>;

struct TwinName {
    std::string name;
    Content durable;
    std::vector<Content> since;

    Content current() const { return since.empty() ? durable : since.back(); }
    bool may_hold(const Content& content) const {
        return content == durable || std::ranges::find(since, content) != since.end();
    }
    void sync() {
        durable = current();
        since.clear();
    }
};

class NamesTwin {
  public:
    explicit NamesTwin(uint64_t seed) : machine_(seed), random_(seed + 1) {
        machine_.make_directory("d");
        machine_.sync_directory("/");
        for (const char* name : {"a", "b", "c", "d/a", "d/b"}) names_.push_back({name, {}, {}});
    }

    void do_something() {
        TwinName& name = names_[random_.below(names_.size())];
        switch (random_.below(8)) {
            case 0:
            case 1: create(name); break;
            case 2:
            case 3:
            case 4: rename(name, names_[random_.below(names_.size())]); break;
            case 5: remove(name); break;
            case 6: sync_directory(random_.one_in(2) ? "/" : "d"); break;
            case 7: check_deaths(); break;
        }
        machine_.disk().image().check_invariants();
    }

    uint64_t cuts() const { return cuts_; }
    uint64_t cuts_with_two_names() const { return cuts_with_two_names_; }

  private:
    void create(TwinName& name) {
        if (name.current()) return;
        const std::string content = "file" + std::to_string(++files_);
        machine_.write(name.name, 0, content);
        machine_.sync(name.name);
        name.since.push_back(content);
    }

    void rename(TwinName& from, TwinName& to) {
        if (!from.current() || &from == &to) return;
        machine_.rename(from.name, to.name);
        if (to.current()) must_exist_.erase(*to.current());
        to.since.push_back(from.current());
        from.since.push_back(std::nullopt);
    }

    void remove(TwinName& name) {
        if (!name.current()) return;
        machine_.remove(name.name);
        must_exist_.erase(*name.current());
        name.since.push_back(std::nullopt);
    }

    // A file that had a durable name must keep one until it is removed or replaced.
    void sync_directory(const std::string& directory) {
        machine_.sync_directory(directory);
        for (TwinName& name : names_) {
            if (name.name.starts_with("d/") != (directory == "d")) continue;
            name.sync();
            if (name.durable) must_exist_.insert(*name.durable);
        }
    }

    void check_deaths() {
        for (int turn = 0; turn < 20; ++turn) {
            const DiskImage cut = machine_.disk().image_after(Death::kPowerCut, random_.next());
            ++cuts_;
            EXPECT_TRUE(cut.settled());
            std::multiset<std::string> found;
            for (const TwinName& name : names_) {
                Content content;
                if (cut.exists(name.name)) content = as_text(cut.bytes(name.name));
                if (content) found.insert(*content);
                EXPECT_TRUE(name.may_hold(content)) << name.name << ' ' << content.value_or("-");
            }
            for (const std::string& content : must_exist_)
                EXPECT_TRUE(found.contains(content)) << content << " is lost: " << describe(cut);
            const std::set<std::string> files(found.begin(), found.end());
            cuts_with_two_names_ += files.size() < found.size() ? 1 : 0;
        }
    }

    SimMachine machine_;
    Random random_;
    std::vector<TwinName> names_;
    std::set<std::string> must_exist_;
    uint64_t files_ = 0;
    uint64_t cuts_ = 0;
    uint64_t cuts_with_two_names_ = 0;
};

TEST(SimDiskNamesTwin, APowerCutLeavesEachNameInOneOfItsStatesAndLosesNoFile) {
    uint64_t cuts = 0;
    uint64_t cuts_with_two_names = 0;
    for (uint64_t seed = 0; seed < 100; ++seed) {
        NamesTwin twin(seed);
        for (int turn = 0; turn < 50; ++turn) {
            twin.do_something();
            if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
        }
        cuts += twin.cuts();
        cuts_with_two_names += twin.cuts_with_two_names();
    }
    EXPECT_GT(cuts, 5000u);
    EXPECT_GT(cuts_with_two_names, 200u);
}

}  // namespace
}  // namespace timber
