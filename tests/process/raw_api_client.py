"""TinyKV's raw API from another language: grpcio, and messages generated from the protocol files.

    raw_api_client.py PROTO_FOLDER ADDRESS...

PROTO_FOLDER holds what protoc made. Runs the whole raw API against the servers at the addresses, of
which one leads, and exits with 0 if every answer was right.
"""

import sys
import time

import grpc


def load_messages(folder):
    sys.path.insert(0, folder)
    import kvrpcpb_pb2
    import metapb_pb2
    return kvrpcpb_pb2, metapb_pb2


class Server:
    """The calls of tinykvpb.TinyKv, as generated stubs would make them."""

    def __init__(self, address, messages):
        self.address = address
        self.channel = grpc.insecure_channel(address)
        for name in ("RawGet", "RawPut", "RawDelete", "RawScan"):
            setattr(self, name, self.channel.unary_unary(
                f"/tinykvpb.TinyKv/{name}",
                request_serializer=getattr(messages, f"{name}Request").SerializeToString,
                response_deserializer=getattr(messages, f"{name}Response").FromString))

    def status_of(self, method):
        """The status code that an empty call of another method ends with."""
        call = self.channel.unary_unary(method, request_serializer=bytes,
                                        response_deserializer=bytes)
        try:
            call(b"", timeout=5)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


def find_leader(servers, messages):
    """Asks all until one serves, and checks what the others say."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for server in servers:
            try:
                answer = server.RawGet(messages.RawGetRequest(key=b"any"), timeout=5)
            except grpc.RpcError:
                continue
            if not answer.HasField("region_error"):
                return server
        time.sleep(0.05)
    raise AssertionError("no server serves")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def check_reads_and_writes(leader, m):
    for cf in ("", "default", "lock", "write"):
        key = f"python-{cf}".encode()
        check(leader.RawGet(m.RawGetRequest(key=key, cf=cf)).not_found, f"{cf}: absent")
        put = leader.RawPut(m.RawPutRequest(key=key, value=b"1", cf=cf))
        check(not put.error and not put.HasField("region_error"), f"{cf}: put")
        leader.RawPut(m.RawPutRequest(key=key, value=b"2", cf=cf))
        got = leader.RawGet(m.RawGetRequest(key=key, cf=cf))
        check(got.value == b"2" and not got.not_found, f"{cf}: overwritten")
        leader.RawPut(m.RawPutRequest(key=key, value=b"", cf=cf))
        got = leader.RawGet(m.RawGetRequest(key=key, cf=cf))
        check(got.value == b"" and not got.not_found, f"{cf}: an empty value is a value")
        leader.RawDelete(m.RawDeleteRequest(key=key, cf=cf))
        check(leader.RawGet(m.RawGetRequest(key=key, cf=cf)).not_found, f"{cf}: deleted")
        deleted = leader.RawDelete(m.RawDeleteRequest(key=key, cf=cf))
        check(not deleted.error, f"{cf}: deleting what is absent")
    # Column families are apart, and "" is default.
    leader.RawPut(m.RawPutRequest(key=b"python-apart", value=b"v"))
    check(leader.RawGet(m.RawGetRequest(key=b"python-apart", cf="default")).value == b"v", "cf")
    check(leader.RawGet(m.RawGetRequest(key=b"python-apart", cf="lock")).not_found, "cf apart")


def check_scans(leader, m):
    keys = [b"python-scan\x00", b"python-scan\x00\xff", b"python-scan5", b"python-scan\xff"]
    for key in keys:
        leader.RawPut(m.RawPutRequest(key=key, value=b"v" + key, cf="write"))
    got = leader.RawScan(m.RawScanRequest(start_key=b"python-scan", limit=10, cf="write"))
    check([(p.key, p.value) for p in got.kvs] == [(k, b"v" + k) for k in keys], "scan in order")
    got = leader.RawScan(m.RawScanRequest(start_key=keys[1], limit=2, cf="write"))
    check([p.key for p in got.kvs] == keys[1:3], "scan from inside, limited")
    leader.RawDelete(m.RawDeleteRequest(key=keys[2], cf="write"))
    got = leader.RawScan(m.RawScanRequest(start_key=keys[1], limit=2, cf="write"))
    check([p.key for p in got.kvs] == [keys[1], keys[3]], "scan skips what is deleted")
    check(leader.RawScan(m.RawScanRequest(start_key=b"", limit=0)).error, "limit 0 is refused")
    check(not leader.RawScan(m.RawScanRequest(start_key=b"\xff" * 8, limit=5)).kvs, "empty scan")


def check_refusals(leader, others, m, metapb):
    check("column family" in leader.RawPut(m.RawPutRequest(key=b"k", cf="no")).error, "unknown cf")
    check("empty" in leader.RawPut(m.RawPutRequest(key=b"", value=b"v")).error, "empty key")
    check("limit" in leader.RawPut(m.RawPutRequest(key=b"k" * 100_000)).error, "long key")
    for other in others:
        error = other.RawPut(m.RawPutRequest(key=b"k", value=b"v"), timeout=5).region_error
        check(error.HasField("not_leader"), "a follower names the leader")
        check(error.not_leader.region_id == 1, "and the Region")
    context = m.Context(region_id=1, peer=metapb.Peer(id=1, store_id=999),
                        region_epoch=metapb.RegionEpoch(conf_ver=3, version=1))
    error = leader.RawGet(m.RawGetRequest(key=b"k", context=context)).region_error
    check(error.HasField("store_not_match"), "another Store")
    context = m.Context(region_id=77)
    error = leader.RawGet(m.RawGetRequest(key=b"k", context=context)).region_error
    check(error.HasField("region_not_found"), "another Region")
    for method in ("KvGet", "KvPrewrite", "Coprocessor", "Raft", "Snapshot"):
        status = leader.status_of(f"/tinykvpb.TinyKv/{method}")
        check(status == grpc.StatusCode.UNIMPLEMENTED, f"{method}: {status}")


def main():
    messages, metapb = load_messages(sys.argv[1])
    servers = [Server(address, messages) for address in sys.argv[2:]]
    leader = find_leader(servers, messages)
    check_reads_and_writes(leader, messages)
    check_scans(leader, messages)
    check_refusals(leader, [s for s in servers if s is not leader], messages, metapb)
    print("raw_api_client: ok")


if __name__ == "__main__":
    main()
