"""The clients of MefServerTests: they exit with 0 when everything the server sends is what it must be.

    python mef_peer.py check                        can the libraries be imported
    python mef_peer.py first <address> <fixtures>   the first generation, message by message and byte by byte
    python mef_peer.py later <address> <fixtures>   the later one, with the client of mef3io-server
    python mef_peer.py noise <address> <session>    requests nobody expects
    python mef_peer.py secure <address> <PEM file>  over TLS, with and without the token 'secret'
    python mef_peer.py walk <address> <session>     reads windows until it is killed
    python mef_peer.py stall <address> <session>    asks for a signal and takes none of it

The messages are built from the table below, which is the reference's and not the server's .proto file.
"""

import hashlib
import json
import math
import sys
import threading

TABLE = """
OpenFileRequest 1 string file_path
FileInfoRequest 1 string file_path
FirstFileInfo 1 string file_path; 2 bool file_opened; 3 optional int64 number_of_channels; 4 repeated string channel_names; 5 repeated float channel_sampling_rates; 6 optional int64 start_uutc; 7 optional int64 end_uutc; 8 optional double duration_s; 99 optional string error_message
FileInfoResponse 1 string file_path; 2 bool file_opened; 3 optional int64 number_of_channels; 4 repeated string channel_names; 5 repeated float channel_sampling_rates; 6 optional int64 start_uutc; 7 optional int64 end_uutc; 8 optional double duration_s; 9 repeated int64 channel_start_uutc; 10 repeated int64 channel_end_uutc; 99 optional string error_message
SetSignalSegmentRequest 1 string file_path; 2 int64 seconds
SetSignalSegmentResponse 1 string file_path; 2 int64 number_of_segments; 99 optional string error_message
SignalChunkRequest 1 string file_path; 2 int64 chunk_idx
SignalChunk 1 string file_path; 2 bytes array_bytes; 3 string dtype; 4 repeated int64 shape; 5 int64 start_uutc; 6 int64 end_uutc; 7 double fs; 8 repeated string channel_names; 99 optional string error_message
ListOpenFilesRequest
ListOpenFilesResponse 1 repeated string file_paths; 99 optional string error_message
SetActiveChannelsRequest 1 string file_path; 2 repeated string channel_names
SetActiveChannelsResponse 1 string file_path; 2 repeated string active_channels; 99 optional string error_message
GetActiveChannelsRequest 1 string file_path
GetActiveChannelsResponse 1 string file_path; 2 repeated string active_channels; 99 optional string error_message
GetNumberOfSegmentsResponse 1 string file_path; 2 int64 number_of_segments; 99 optional string error_message
"""


def build():
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="reference.proto", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for line in TABLE.strip().splitlines():
        name, _, fields = line.partition(" ")
        message = file.message_type.add(name=name)
        for field in filter(None, fields.split("; ")):
            number, *words = field.split(" ")
            made = message.field.add(name=words[-1], number=int(number), type=kinds.Type.Value("TYPE_" + words[-2].upper()))
            made.label = kinds.LABEL_REPEATED if words[0] == "repeated" else kinds.LABEL_OPTIONAL
            if words[0] == "optional":
                made.proto3_optional = True
                made.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name="_" + words[-1])
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = [message.name for message in file.message_type]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names}


def same(actual, expected, what):
    if actual != expected:
        sys.exit(f"{what}:\n  got      {actual!r}\n  expected {expected!r}")


class First:
    """Calls by path, bytes in and bytes out."""

    def __init__(self, address):
        import grpc

        self.messages = build()
        self.channel = grpc.insecure_channel(address)

    def call(self, method, request, **fields):
        rpc = self.channel.unary_unary(f"/gRPCMef3Server/{method}")
        return rpc(self.messages[request](**fields).SerializeToString(), timeout=30)

    def stream(self, path, index):
        rpc = self.channel.unary_stream("/gRPCMef3Server/GetSignalSegment")
        return list(rpc(self.messages["SignalChunkRequest"](file_path=path, chunk_idx=index).SerializeToString(), timeout=30))

    def expect(self, what, raw, response, **fields):
        same(raw, self.messages[response](**fields).SerializeToString(), what)


def rows_sha(rows):
    import numpy as np

    clean = [np.where(np.isnan(row), np.float64("nan"), row) for row in rows]
    return [hashlib.sha256(row.astype("<f8").tobytes()).hexdigest() for row in clean]


def first(address, fixtures):
    server = First(address)
    for session in json.load(open(fixtures + "/windows.json")):
        first_session(server, fixtures + "/" + session["path"], session)
    first_errors(server, fixtures)


def first_session(server, path, session):
    info = dict(
        file_path=path, file_opened=True, number_of_channels=len(session["names"]), channel_names=session["names"],
        start_uutc=session["start"], end_uutc=session["end"], duration_s=(session["end"] - session["start"]) / 1e6,
    )
    opened = server.call("OpenFile", "OpenFileRequest", file_path=path)
    whole = server.messages["FileInfoResponse"].FromString(opened)
    info["channel_sampling_rates"] = list(whole.channel_sampling_rates)
    # What the first generation knows comes first, and nothing but the two later fields follows.
    known = server.messages["FirstFileInfo"](**info).SerializeToString()
    same(opened[: len(known)], known, f"OpenFile {path}")
    later = dict(channel_start_uutc=list(whole.channel_start_uutc), channel_end_uutc=list(whole.channel_end_uutc))
    same(whole.HasField("error_message"), False, "an opened file has no error field")
    same([min(later["channel_start_uutc"]), max(later["channel_end_uutc"])], [session["start"], session["end"]], "extents")
    server.expect("OpenFile", opened, "FileInfoResponse", **info, **later)
    same(server.call("FileInfo", "FileInfoRequest", file_path=path), opened, "FileInfo is what OpenFile said")
    again = server.call("OpenFile", "OpenFileRequest", file_path=path)
    server.expect("again", again, "FileInfoResponse", **info, **later, error_message=f"File already open: {path}")
    listed = server.call("ListOpenFiles", "ListOpenFilesRequest")
    server.expect("ListOpenFiles", listed, "ListOpenFilesResponse", file_paths=[path], error_message="")
    active = server.call("GetActiveChannels", "GetActiveChannelsRequest", file_path=path)
    server.expect(
        "GetActiveChannels", active, "GetActiveChannelsResponse",
        file_path=path, active_channels=session["names"], error_message="",
    )
    rates = dict(zip(session["names"], whole.channel_sampling_rates))
    seconds, selection = None, None
    for window in session["windows"]:
        if window["channels"] != selection:
            selection = window["channels"]
            reply = server.call("SetActiveChannels", "SetActiveChannelsRequest", file_path=path, channel_names=selection)
            server.expect(
                "SetActiveChannels", reply, "SetActiveChannelsResponse",
                file_path=path, active_channels=selection, error_message="",
            )
        if window["t0"] == session["start"]:
            seconds = math.ceil((window["t1"] - window["t0"]) / 1e6)
            count = math.ceil((session["end"] - session["start"]) / (seconds * 1e6))
            reply = server.call("SetSignalSegmentSize", "SetSignalSegmentRequest", file_path=path, seconds=seconds)
            server.expect(
                "SetSignalSegmentSize", reply, "SetSignalSegmentResponse",
                file_path=path, number_of_segments=count, error_message="",
            )
            reply = server.call("GetNumberOfSegments", "FileInfoRequest", file_path=path)
            server.expect(
                "GetNumberOfSegments", reply, "GetNumberOfSegmentsResponse",
                file_path=path, number_of_segments=count, error_message="",
            )
        index = (window["t0"] - session["start"]) // (seconds * 1_000_000)
        first_segment(server, path, window, index, rates)
    closed = server.call("CloseFile", "FileInfoRequest", file_path=path)
    server.expect("CloseFile", closed, "FileInfoResponse", file_path=path, error_message="")


def first_segment(server, path, window, index, rates):
    import numpy as np

    channels, total = window["channels"], window["samples"]
    step = max(int(2.5 * 1024 * 1024) // (len(channels) * 8), 1)
    starts = list(range(0, total, step)) or [0]
    raws = server.stream(path, index)
    same(len(raws), len(starts), f"messages of segment {index} of {path}")
    rows = [[] for _ in channels]
    for raw, begin in zip(raws, starts):
        end = min(begin + step, total)
        chunk = server.messages["SignalChunk"].FromString(raw)
        span = window["t1"] - window["t0"]
        server.expect(
            f"segment {index} of {path}", raw, "SignalChunk",
            file_path=path, array_bytes=chunk.array_bytes, dtype="float64", shape=[len(channels), end - begin],
            start_uutc=window["t0"] + int(begin / max(total, 1) * span), end_uutc=window["t0"] + int(end / max(total, 1) * span),
            fs=chunk.fs, channel_names=channels, error_message="",
        )
        same(np.float32(chunk.fs), np.float32(rates[channels[0]]), "rate")
        if len(raw) > 4 << 20:
            sys.exit(f"a message of {len(raw)} bytes")
        for row, values in zip(rows, np.frombuffer(chunk.array_bytes).reshape(chunk.shape)):
            row.append(values)
    rows = [np.concatenate(row) for row in rows]
    same([int(np.isnan(row).sum()) for row in rows], window["missing"], f"missing in {index} of {path}")
    prefix = len(window["sha256"][0])
    same([sha[:prefix] for sha in rows_sha(rows)], window["sha256"], f"values of {index} of {path}")


def first_errors(server, fixtures):
    gone = fixtures + "/none.mefd"
    info, chunk = "FileInfoResponse", "SignalChunk"
    not_open = f"File not open: {gone}"
    opened = server.call("OpenFile", "OpenFileRequest", file_path=gone)
    server.expect("missing", opened, info, file_path=gone, error_message=f"File does not exist: {gone}")
    outside = server.call("OpenFile", "OpenFileRequest", file_path="/etc")
    server.expect("outside", outside, info, file_path="/etc", error_message="File does not exist: /etc")
    server.expect("info", server.call("FileInfo", "FileInfoRequest", file_path=gone), info, file_path=gone, error_message=not_open)
    server.expect("close", server.call("CloseFile", "FileInfoRequest", file_path=gone), info, file_path=gone, error_message="")
    for method, request, response in [
        ("SetSignalSegmentSize", "SetSignalSegmentRequest", "SetSignalSegmentResponse"),
        ("SetActiveChannels", "SetActiveChannelsRequest", "SetActiveChannelsResponse"),
        ("GetActiveChannels", "GetActiveChannelsRequest", "GetActiveChannelsResponse"),
        ("GetNumberOfSegments", "FileInfoRequest", "GetNumberOfSegmentsResponse"),
    ]:
        server.expect(method, server.call(method, request, file_path=gone), response, file_path=gone, error_message=not_open)
    same(server.stream(gone, 0), [server.messages[chunk](file_path=gone, error_message=not_open).SerializeToString()], "stream")
    locked = server.messages[info].FromString(server.call("OpenFile", "OpenFileRequest", file_path=fixtures + "/encrypted.mefd"))
    same([locked.file_opened, "password" in locked.error_message], [False, True], locked.error_message)

    path = fixtures + "/basic.mefd"
    server.call("OpenFile", "OpenFileRequest", file_path=path)

    def refused(index, words):
        same(server.stream(path, index), [server.messages[chunk](file_path=path, error_message=words).SerializeToString()], words)

    refused(0, f"No chunks available for file: {path}. Set a segment size to init chunks.")
    zero = server.messages["SetSignalSegmentResponse"].FromString(
        server.call("SetSignalSegmentSize", "SetSignalSegmentRequest", file_path=path, seconds=0))
    same([zero.number_of_segments, zero.error_message != ""], [0, True], "zero seconds")
    server.call("SetSignalSegmentSize", "SetSignalSegmentRequest", file_path=path, seconds=10)
    for index in [-1, 5, 2**63 - 1]:
        refused(index, f"Invalid chunk request: {index} for {path}")

    def select(names, active, words):
        reply = server.call("SetActiveChannels", "SetActiveChannelsRequest", file_path=path, channel_names=names)
        server.expect("select", reply, "SetActiveChannelsResponse", file_path=path, active_channels=active, error_message=words)

    select(["chan_003", "x", "chan_001"], ["chan_003", "chan_001"], "Some channels do not exist: ['x']")
    select(["it's", 'a "b"'], ["chan_003", "chan_001"], f"No valid channels in request. Invalid: {['it' + chr(39) + 's', 'a ' + chr(34) + 'b' + chr(34)]}")
    select([], ["chan_001", "chan_002", "chan_003"], "")
    server.call("CloseFile", "FileInfoRequest", file_path=path)
    wrong(server, path)


def wrong(server, path):
    import grpc

    for method, request, code in [
        ("NoSuchMethod", b"", grpc.StatusCode.UNIMPLEMENTED),
        ("OpenFile", b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        ("OpenFile", b"\x0a" + b"\xff" * 9 + b"\x01", grpc.StatusCode.INVALID_ARGUMENT),
        ("GetSignalSegment", b"\x0a\x05ab", grpc.StatusCode.INVALID_ARGUMENT),
        ("OpenFile", bytes(2 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ]:
        try:
            server.channel.unary_unary("/gRPCMef3Server/" + method)(request, timeout=30)
            sys.exit(f"{method} took nonsense")
        except grpc.RpcError as error:
            same(error.code(), code, method)


METHODS = [
    "OpenFile", "CloseFile", "FileInfo", "ListOpenFiles", "SetSignalSegmentSize", "GetSignalSegment", "SetActiveChannels",
    "GetActiveChannels", "GetNumberOfSegments", "GetSignalRange", "GetEnvelope",
]


def noise(address, path):
    """Fields of the right kinds with values nobody expects, and bytes that are none."""
    import random
    import grpc

    chance = random.Random(1)
    server = First(address)
    server.call("OpenFile", "OpenFileRequest", file_path=path)

    def varint(value):
        value &= 2**64 - 1
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    def text(number, value):
        return bytes([number << 3 | 2]) + varint(len(value)) + value

    numbers = [0, 1, -1, 2, 10**6, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 1577872812345678, 1577872822345678]
    names = [b"chan_001", b"chan_002", b"", b"x", b"\0", "é".encode(), b"n" * 300]
    for _ in range(1500):
        request = text(1, path.encode()) if chance.random() < 0.9 else text(1, chance.choice(names))
        if chance.random() < 0.5:
            request += b"".join(text(2, chance.choice(names[:2])) for _ in range(chance.randrange(4)))
        else:
            request += b"".join(text(2, chance.choice(names)) for _ in range(chance.randrange(3)))
        for number in [2, 3, 4, 5]:
            if chance.random() < 0.4:
                request += bytes([number << 3]) + varint(chance.choice(numbers))
        if chance.random() < 0.2:
            request = chance.randbytes(chance.randrange(40))
        answer = server.channel.unary_stream("/gRPCMef3Server/" + chance.choice(METHODS))(request, timeout=30)
        try:
            # Long answers are left in the middle, as by clients that change their mind.
            for count, raw in enumerate(answer):
                if len(raw) > 4 << 20:
                    sys.exit(f"a message of {len(raw)} bytes")
                if count == 3:
                    answer.cancel()
                    break
        except grpc.RpcError as error:
            same(error.code(), grpc.StatusCode.INVALID_ARGUMENT, request)
    server.call("OpenFile", "OpenFileRequest", file_path=path)
    info = server.messages["FileInfoResponse"].FromString(server.call("FileInfo", "FileInfoRequest", file_path=path))
    same(info.file_opened, True, "still there")


def later(address, fixtures):
    import mef3io
    import numpy as np
    from mef3io_server.client import Mef3Client

    client, other = Mef3Client(address), Mef3Client(address, client_id="somebody else")
    for name in ["basic", "gaps", "segments", "nan_gaps", "lossy", "mef3io_written"]:
        path = f"{fixtures}/{name}.mefd"
        opened = client.open_file(path)
        same(opened, client.get_file_info(path), "info")
        same([opened["file_opened"], opened["error_message"]], [True, ""], path)
        same(client.open_file(path)["error_message"], "", "opened again by the same client")
        same(other.open_file(path)["error_message"], "", "opened by another client")
        reader = mef3io.Reader(path)
        same(opened["channel_names"], list(reader.channels), "channels")
        for channel, start, end, rate in zip(
            reader.channels, opened["channel_start_uutc"], opened["channel_end_uutc"], opened["channel_served_sampling_rates"]
        ):
            windows = [(start, end), (start + 1_000_000, start + 3_500_000), (start - 2_000_000, start + 1_000_001), (end - 900_000, end + 400_000)]
            for t0, t1 in windows:
                got = client.get_signal_range(path, [channel], t0, t1)
                same(got["error_message"], "", channel)
                # The grid of positions begins at the channel's start, in their tiles too.
                first = round((t0 - start) * rate / 1e6)
                count = round((t1 - t0) * rate / 1e6)
                begin = min(0, first)
                whole = reader.read(channel, start + round(begin / rate * 1e6), max(t1, end) + 2_000_000)
                expected = np.asarray(whole, dtype=np.float64)[first - begin : first - begin + count].astype(np.float32)
                if not np.array_equal(got["array"][0], expected, equal_nan=True):
                    bad = np.flatnonzero(~((got["array"][0] == expected) | (np.isnan(got["array"][0]) & np.isnan(expected))))
                    sys.exit(f"{path} {channel} {t0 - start} {t1 - start}: {len(bad)} of {count} differ, first at {bad[0]}")
                same([got["shape"], got["dtype"], got["fs"], got["start_uutc"]], [(1, count), "float32", rate, t0], "fields")
        everything = client.get_signal_range(path, None, opened["start_uutc"], opened["start_uutc"] + 1_000_000)
        same(everything["channel_names"], opened["channel_names"], "no names are all names")
        check_envelope(client, reader, path)
        same(client.close_file(path), {"file_path": path, "file_opened": True}, "another client holds it")
        same(other.close_file(path), {"file_path": path, "file_opened": False}, "nobody holds it")
        same(client.list_open_files(), [], "open files")
    refusals(client, fixtures)


def check_envelope(client, reader, path):
    import numpy as np

    for channel, got in client.get_envelope(path).items():
        expected = reader.block_envelope(channel)
        for key in ["start_uutc", "end_uutc", "min", "max"]:
            if not np.array_equal(got[key], np.asarray(expected[key]), equal_nan=key in ("min", "max")):
                sys.exit(f"envelope of {channel} in {path}: {key} {got[key][:4]} is not {expected[key][:4]}")


def refusals(client, fixtures):
    path, gone = fixtures + "/multirate.mefd", fixtures + "/none.mefd"
    same(client.get_signal_range(gone, None, 0, 1)["error_message"], f"File not open: {gone}", "not open")
    info = client.open_file(path)
    start = info["start_uutc"]
    for names, t0, t1, words in [
        (["x", "Fp1"], start, start + 1, "Unknown channels: ['x']"),
        (["Fp1"], start, start, "end_uutc must be greater than start_uutc"),
        (["Fp1"], -(2**63), 2**63 - 1, "end_uutc must be greater than start_uutc"),
        (["Fp1"], start, start + 10, "Requested window is shorter than one sample"),
        (["Fp1", "slow"], start, start + 10**7, "Requested channels do not share a sampling rate"),
        (["Fp1"], 0, 2**62, "the window has more than"),
        (["Fp1"] * 40000, start, start + 10**7, "too many channels at once"),
    ]:
        got = client.get_signal_range(path, names, t0, t1)
        same([got["array"], got["error_message"][: len(words)]], [None, words], got["error_message"])
    far = client.get_signal_range(path, ["Fp1"], 2**61, 2**61 + 10**6)
    same([far["error_message"], bool((far["array"] != far["array"]).all())], ["", True], "far away is nothing")
    points = client.get_signal_range(path, ["Fp1"], start, start + 10**7, n_points=5)
    same(points["array"], None, points["error_message"])
    client.close_file(path)
    same(client.open_file(path, cache_fs=10.0)["file_opened"], False, "cache_fs")


def secure(address, certificate):
    import grpc

    messages = build()
    credentials = grpc.ssl_channel_credentials(open(certificate, "rb").read())
    rpc = grpc.secure_channel("localhost:" + address.split(":")[1], credentials).unary_unary("/gRPCMef3Server/ListOpenFiles")
    expected = messages["ListOpenFilesResponse"](error_message="").SerializeToString()
    same(rpc(b"", timeout=30, metadata=[("authorization", "Bearer secret")]), expected, "with the token")
    for metadata in [[], [("authorization", "Bearer secre")], [("authorization", "secret")]]:
        try:
            rpc(b"", timeout=30, metadata=metadata)
            sys.exit(f"let in with {metadata}")
        except grpc.RpcError as error:
            same(error.code(), grpc.StatusCode.UNAUTHENTICATED, metadata)
    try:
        grpc.insecure_channel(address).unary_unary("/gRPCMef3Server/ListOpenFiles")(b"", timeout=30)
        sys.exit("let in without TLS")
    except grpc.RpcError as error:
        same(error.code(), grpc.StatusCode.UNAVAILABLE, "without TLS")


def stall(address, path):
    import grpc

    server = First(address)
    server.call("OpenFile", "OpenFileRequest", file_path=path)
    server.call("SetSignalSegmentSize", "SetSignalSegmentRequest", file_path=path, seconds=10**6)
    request = server.messages["SignalChunkRequest"](file_path=path, chunk_idx=0).SerializeToString()
    answer = server.channel.unary_stream("/gRPCMef3Server/GetSignalSegment")(request, timeout=60)
    # Without being read, what is on its way fills the windows of the connection.
    print("asked", flush=True)
    threading.Event().wait(60)
    answer.cancel()


def walk(address, path):
    from mef3io_server.client import Mef3Client

    client = Mef3Client(address, client_id="walker")
    info = client.open_file(path)
    print("walking", flush=True)
    while True:
        client.get_signal_range(path, None, info["start_uutc"], info["end_uutc"])


if __name__ == "__main__":
    if sys.argv[1] == "check":
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
        import mef3io  # noqa: F401
        import mef3io_server.client  # noqa: F401
    else:
        {"first": first, "later": later, "noise": noise, "secure": secure, "walk": walk, "stall": stall}[sys.argv[1]](sys.argv[2], sys.argv[3])
