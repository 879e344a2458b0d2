#include "memtable/exporter.h"

#include <algorithm>
#include <utility>

namespace timber::memtable {

void Exporter::run(ExportRequest request, ExportJob::Open open, Store::ExportDone done) {
    Running& running = running_.emplace_back();
    running.done = std::move(done);
    running.job =
        std::make_unique<ExportJob>(parts_.environment.disk, parts_.options, parts_.jobs.store_id,
                                    std::move(request), std::move(open), parts_.new_seed());
    parts_.runner.run("export", JobRunner::Kind::kCompaction, *running.job,
                      [this, &running](Status status) { ended(running, std::move(status)); });
}

void Exporter::ended(Running& running, Status status) {
    Result<std::vector<ExportedFile>> files =
        status ? Result(running.job->take_files()) : std::move(status).error();
    if (files) ++parts_.counts.exports;
    Store::ExportDone done = std::move(running.done);
    const auto place =
        std::ranges::find_if(running_, [&](const Running& each) { return &each == &running; });
    TIMBER_ASSERT(place != running_.end());
    running_.erase(place);
    done(std::move(files));
    parts_.changed();
}

}  // namespace timber::memtable
