#include "src/server/process.h"

#include <random>

#include "src/base/io/log.h"
#include "src/server/admin_service.h"
#include "src/server/client_service.h"
#include "src/server/peer_transport.h"
#include "src/server/store_thread.h"
#include "src/server/wire.h"

namespace timber::server {

namespace {

constexpr raftstore::RegionId kFirstRegion{1};

uint64_t draw() {
    std::random_device device;
    const uint64_t drawn = uint64_t{device()} << 32 | device();
    return drawn == 0 ? 1 : drawn;
}

// `listen` with the port that the kernel chose.
std::string with_port(const std::string& listen, int port) {
    return listen.substr(0, listen.rfind(':') + 1) + std::to_string(port);
}

// How others reach a listener: what the configuration says, or the listener's own text.
std::string advertised(const std::string& configured, const std::string& listen) {
    return configured.empty() ? listen : configured;
}

raftstore::StoreOptions store_options(const Config& config) {
    raftstore::StoreOptions options = config.store;
    options.engine.directory = config.data_directory;
    options.expected_cluster = storage::ClusterId(config.cluster_id);
    options.expected_store = storage::StoreId(config.store_id);
    options.seed = draw();
    options.engine.seed = draw();
    return options;
}

Result<std::vector<raftstore::PeerMeta>> initial_members(const Config& config,
                                                         storage::StoreId self) {
    std::vector<raftstore::PeerMeta> members;
    for (const std::string& text : config.members) {
        TIMBER_TRY(const MemberAddress member, parse_member(text));
        members.push_back({.id = raftstore::PeerId(member.store),
                           .store = raftstore::StoreId(member.store),
                           .address = member.address});
    }
    if (members.empty())
        members.push_back({.id = raftstore::PeerId(self.value()),
                           .store = self,
                           .address = advertised(config.peer_address, config.peer_listen)});
    std::ranges::sort(members, {}, &raftstore::PeerMeta::id);
    return members;
}

Result<raftstore::Formation> formation_of(const Config& config, FormatKind kind) {
    const bool alone = config.members.empty() && kind == FormatKind::kFound;
    if (!alone && (config.cluster_id == 0 || config.store_id == 0))
        return make_error(ErrorCode::kInvalidArgument,
                          "to format a Store of a cluster of several, cluster.id and cluster.store "
                          "must be given");
    if (kind == FormatKind::kJoin && !config.members.empty())
        return make_error(ErrorCode::kInvalidArgument,
                          "a Store that joins later knows no members yet: leave cluster.members "
                          "out");
    raftstore::Formation formation;
    formation.identity = {storage::ClusterId(config.cluster_id != 0 ? config.cluster_id : draw()),
                          storage::StoreId(config.store_id != 0 ? config.store_id : 1),
                          storage::Incarnation(draw())};
    if (kind == FormatKind::kJoin) return formation;
    raftstore::Region region;
    region.id = kFirstRegion;
    TIMBER_TRY(region.peers, initial_members(config, formation.identity.store));
    // As if the members had been added one by one: no peer id is above the membership's version,
    // so that ids of later members (AdminService, A2) are new.
    region.epoch = {.conf_ver = region.peers.back().id.value(), .version = 1};
    formation.regions.push_back(std::move(region));
    return formation;
}

Error not_formatted(const Config& config) {
    return make_error(
        ErrorCode::kMissing,
        "there is no Store in " + config.data_directory +
            ", and the configuration says that this server belongs to a cluster. If it is new, "
            "make its Store, once: timberkv-ctl format with the same configuration (with --join, "
            "if the cluster is running already and this server will be added to it). If it had a "
            "Store here and lost it, do not: a server that forgot its votes must not come back in "
            "its old place. Replace it: timberkv-ctl member replace");
}

}  // namespace

Result<std::unique_ptr<Platform>> make_platform(const Config& config) {
    PlatformOptions options;
    options.data_directory = config.data_directory;
    options.job_threads = config.job_threads;
    switch (config.io) {
        case IoChoice::kAutomatic: options.backend = IoBackend::kAutomatic; break;
        case IoChoice::kUring: options.backend = IoBackend::kUring; break;
        case IoChoice::kThreads: options.backend = IoBackend::kThreads; break;
    }
    return Platform::create(options);
}

Result<Formatted> format_store(const Config& config, FormatKind kind, Platform& platform) {
    TIMBER_CHECK(validate(config));
    raftstore::StoreOptions options = store_options(config);
    TIMBER_TRY(options.formation, formation_of(config, kind));
    options.engine.log.log_id = logengine::LogId(draw());
    options.engine.state.store_id = draw();
    Formatted formatted{options.formation->identity, {}};
    if (kind == FormatKind::kFound) formatted.members = options.formation->regions[0].peers;
    options.expected_cluster = formatted.identity.cluster;
    options.expected_store = formatted.identity.store;
    PeerTransport nowhere({}, platform.clock());
    TIMBER_TRY(auto store, StoreThread::start(platform, [](const Error& error) {
                   log_error("formatting failed: {}", error.to_string());
               }));
    TIMBER_CHECK(store->open(options, nowhere));
    store->close();
    return formatted;
}

class Server::Impl {
  public:
    Impl(const Config& config, Platform& platform, std::function<void(const Error&)> failed)
        : config_(config),
          platform_(platform),
          failed_(std::move(failed)),
          transport_({.listen = config.peer_listen, .queue_bytes_max = config.peer_queue_bytes_max},
                     platform.clock()) {}
    ~Impl() { stop(); }

    Status start() {
        TIMBER_CHECK(validate(config_));
        quiet_protobuf();
        TIMBER_TRY(store_, StoreThread::start(platform_, failed_));
        TIMBER_CHECK(open_store());
        clients_ = std::make_unique<ClientService>(
            *store_,
            RawLimits{config_.store.key_bytes_max, config_.store.value_bytes_max,
                      config_.store.scan_limit_max},
            config_.calls_max);
        admin_ = std::make_unique<AdminService>(*store_, *clients_, transport_);
        TIMBER_CHECK(start_clients());
        return {};
    }

    void stop() {
        if (stopped_) return;
        stopped_ = true;
        // Others take over first: what still arrives is sent on to them.
        if (store_open_) store_->hand_over(config_.shutdown_limit);
        if (client_server_ != nullptr) client_server_->drain(config_.shutdown_limit);
        transport_.stop();
        // Answers what is left: its outcome is not known.
        if (store_open_) store_->close();
        if (client_server_ != nullptr) client_server_->stop();
        store_.reset();
    }

    std::string client_address() const {
        return advertised(config_.client_address,
                          with_port(config_.client_listen, client_server_->port()));
    }
    std::string peer_address() const {
        return advertised(config_.peer_address, with_port(config_.peer_listen, transport_.port()));
    }
    const storage::StoreIdentity& identity() const { return store_->identity(); }

  private:
    Status open_store() {
        Status opened = store_->open(store_options(config_), transport_);
        if (!opened && opened.error().code == ErrorCode::kMissing) {
            if (!config_.members.empty() || config_.cluster_id != 0 || config_.store_id != 0)
                return not_formatted(config_);
            TIMBER_TRY(const Formatted formatted,
                       format_store(config_, FormatKind::kFound, platform_));
            log_info("formatted a new cluster of one in {}: cluster {}, store {}",
                     config_.data_directory, formatted.identity.cluster.value(),
                     formatted.identity.store.value());
            opened = store_->open(store_options(config_), transport_);
        }
        TIMBER_CHECK(std::move(opened));
        store_open_ = true;
        return {};
    }

    Status start_clients() {
        rpc::ServerOptions options;
        options.name = "clients";
        options.address = config_.client_listen;
        options.pollers = config_.client_threads;
        options.memory_bytes_max = config_.call_bytes_max;
        options.answer_bytes_max = config_.call_bytes_max;
        options.connections_max = config_.connections_max;
        options.message_bytes_max =
            config_.store.key_bytes_max + config_.store.value_bytes_max + 64_KiB;
        clients_->add_to(options);
        admin_->add_to(options);
        TIMBER_TRY(client_server_, rpc::Server::start(std::move(options)));
        TIMBER_CHECK(transport_.start(store_->identity(), client_address(), *store_));
        admin_->set_addresses({client_address(), peer_address()});
        return {};
    }

    const Config config_;
    Platform& platform_;
    const std::function<void(const Error&)> failed_;
    PeerTransport transport_;
    std::unique_ptr<StoreThread> store_;
    std::unique_ptr<ClientService> clients_;
    std::unique_ptr<AdminService> admin_;
    std::unique_ptr<rpc::Server> client_server_;
    bool store_open_ = false;
    bool stopped_ = false;
};

Result<std::unique_ptr<Server>> Server::start(const Config& config, Platform& platform,
                                              std::function<void(const Error&)> failed) {
    auto impl = std::make_unique<Impl>(config, platform, std::move(failed));
    TIMBER_CHECK(impl->start());
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::string Server::client_address() const { return impl_->client_address(); }
std::string Server::peer_address() const { return impl_->peer_address(); }
storage::StoreIdentity Server::identity() const { return impl_->identity(); }
void Server::stop() { impl_->stop(); }

}  // namespace timber::server
