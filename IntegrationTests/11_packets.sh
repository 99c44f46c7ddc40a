# Packets: clients as the original's, a server that is killed while clients send, and one that has no descriptor left.

server_graph() {
    printf 'pipe: 1\nname: server\nstages:\n'
    printf '  server: { type: tcp_packets, address: "127.0.0.1:%s", packet_bytes: %s, receive_buffer: 32KiB }\n' "$1" "$2"
    printf '  stats: { type: packet_stats, from: server, every: %s%s }\n' "$3" "${4:-}"
    printf '  reports: { type: jsonl_file, from: stats, path: reports.jsonl, mode: overwrite, flush: 10ms }\n'
}

# start_server LOG [FLAG...]: runs server.yaml, and waits until it listens; its process is $server, its port $port.
start_server() {
    : >"$1"  # what an earlier server has said in it must not be taken for this one's
    (ulimit -n "${open_files:-$(ulimit -n)}"; exec "$PIPE" run server.yaml "${@:2}") >"$1" 2>&1 &
    server=$!
    for _ in $(seq 500); do
        port="$(sed -n 's/.*listens on .*:\([0-9]*\)$/\1/p' "$1")"
        [[ -z "$port" ]] || return 0
        kill -0 "$server" || fail "the server ended: $(cat "$1")"
        sleep 0.02
    done
    fail "the server does not listen: $(cat "$1")"
}

stop_server() {
    kill -TERM "$server"
    wait "$server" || fail "the server ended with $?: $(cat "$1")"
}

# await_packets NUMBER: waits until the server has reported so many.
await_packets() {
    until tail -1 reports.jsonl 2>/dev/null |
        python3 -c "import json, sys; sys.exit(json.loads(sys.stdin.read() or '{}').get('packets', 0) < $1)" 2>/dev/null; do
        kill -0 "$server" && sleep 0.02
    done
}

# What the original's clients count in bytes is what the server has, also where it stood still and they dropped what found
# no room.
for size in 32 16; do
    server_graph 0 "$size" 100ms >server.yaml
    start_server original.log
    clients=()
    for number in 0 1 2 3 4; do
        python3 "$ROOT/IntegrationTests/packet_client.py" "$port" "$size" 4 "0.$number" >"client$number" &
        clients+=($!)
    done
    await_packets 10000
    kill -STOP "$server"
    sleep 2  # so long it stands still
    kill -CONT "$server"
    for client in "${clients[@]}"; do wait "$client" || fail "a client failed"; done
    stop_server original.log
    cat client? | py "
import json, sys
lines = [line.split() for line in sys.stdin]
sent, dropped = sum(int(line[0]) for line in lines), sum(int(line[1]) for line in lines)
report = json.loads(open('reports.jsonl').readlines()[-1])
got = report['bytes'] + report.get('trailing_bytes', 0)
print('$size bytes:', sent, 'sent,', dropped, 'dropped by clients,', got, 'received,', report.get('trailing_bytes', 0), 'of them trailing')
assert sent > 0 and sent == got and dropped > 0, report
assert report['connections'] == 5 and report['packets'] == report['bytes'] // $size, report"
done

# Ten clients send while the server ends, by its will or not, and another takes its place: every packet has a fate.
cat >load.yaml <<'EOF'
pipe: 1
name: load
params: { server: { type: string } }
stages:
  client: { type: packet_source, stations: 10, rate: 2kHz, count: 12000, header: { sequence: 0, timestamp: 8 } }
  send: { type: tcp_packet_sink, from: client, address: "${params.server}", drain: 20s }
  all: { type: merge, from: send }
  sent: { type: jsonl_file, from: all, path: sent.jsonl, mode: overwrite }
EOF
for signal in TERM KILL; do
    server_graph 0 32 100ms ', header: { sequence: 0 }' >server.yaml
    start_server first.log
    "$PIPE" run load.yaml --set "params.server=127.0.0.1:$port" >load.log 2>&1 &
    load=$!
    await_packets 40000
    kill "-$signal" "$server"
    wait "$server" || true
    cp reports.jsonl first.jsonl
    server_graph "$port" 32 1h ', header: { sequence: 0 }' >server.yaml
    sleep 1
    start_server second.log
    wait "$load" || fail "the load failed: $(cat load.log)"
    stop_server second.log
    py "
import json
sent = [json.loads(line) for line in open('sent.jsonl')]
ends = [line for line in sent if line['event'] == 'end']
assert len(ends) == 10 and all(end['packets'] == end['sent'] == 12000 and end['unsent'] == 0 for end in ends), ends
assert all(end['connections'] == 2 for end in ends), ends
total = sum(end['packets'] for end in ends)
second = json.loads(open('reports.jsonl').readlines()[-1])
assert all(client['last'] == 11999 for client in second['clients']) and len(second['clients']) == 10, second
# What the first server's system had confirmed is what the second did not get.
confirmed = sum(client['first'] for client in second['clients'])
assert total == confirmed + second['packets'] + second['lost'] - second['duplicated'], (total, confirmed, second)
first = open('first.jsonl').readlines()
unread = 'unknown'
if '$signal' == 'TERM':
    first = json.loads(first[-1])
    assert first['lost'] == first['duplicated'] == 0, first
    unread = confirmed - first['packets']
    assert unread >= 0, (confirmed, first)
print('$signal:', total, 'packets,', second['packets'], 'to the second,', sum(end['resent'] for end in ends), 'again,', unread, 'confirmed and unread')"
done

# Where the process has no descriptor left, who waits is turned away, and who is served goes on.
server_graph 0 32 1h >server.yaml
open_files=40 start_server narrow.log
python3 - "$port" <<'EOF'
import socket, sys
clients = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(60)]
for client in clients[50:]:
    client.settimeout(20)
    assert client.recv(1) == b""
clients[0].sendall(b"X" * 320)
EOF
stop_server narrow.log
tail -1 reports.jsonl | py 'import json, sys; report = json.load(sys.stdin); print("without descriptors:", report["refused"]); assert report["packets"] == 10 and report["refused"]["too_many_clients"] >= 20, report'

# A recording holds what clients have sent: a replay needs none of them.
server_graph 0 32 100ms >server.yaml
start_server recorded.log --record recording
"$PIPE" run load.yaml --set "params.server=127.0.0.1:$port" --for 2s >load.log 2>&1 || fail "the load failed: $(cat load.log)"
stop_server recorded.log
expect_exit 0 "$PIPE" replay recording --out again
cmp reports.jsonl again/reports.jsonl
tail -1 reports.jsonl | py 'import json, sys; report = json.load(sys.stdin); assert report["packets"] > 10000 and report["connections"] == 10, report'

# What is wrong is said before anything begins, or when it begins.
expect_exit 1 "$PIPE" bench packets --clients 2 --rate 100/s --seconds 0.5 --p99 1ns
contains "$out" "is above 1ns"
expect_exit 0 "$PIPE" bench packets --clients 2 --rate 100/s --seconds 0.5 --p99 10s --json bench.json
py 'import json; result = json.load(open("bench.json"))[0]["result"]; assert result["success"] and result["server_packets"] == result["client_packets"] > 0, result'
expect_exit 64 "$PIPE" bench packets --rate fast
expect_exit 0 "$PIPE" bench packets --clients 2 --rate 100/s --seconds 0.5 --p99 10s --server 'latency: 4ms, acknowledge: later'
expect_exit 1 "$PIPE" bench packets --seconds 0.5 --server 'latenci: 4ms'
contains "$err" "did you mean 'latency'?"
