# Camera: a graph like the lab's with real cameras and a real manager, stopped by a signal, its books exact; a folder that may
# not be written; and pictures made, kept and read again.

cat >lab.yaml <<'EOF'
pipe: 1
name: lab
stages:
  camera: { type: camera_tcp, address: "127.0.0.1:0", stall_timeout: 500ms }
  recorder: { type: camera_commands, from: { camera: { max_bytes: 256MiB } }, address: "127.0.0.1:0", set: recorder }
  raw: { type: image_archive, from: { recorder.recorded: { when_full: block } }, path: raw, on_error: skip }
  pixels: { type: jpeg_decode, from: { recorder.recorded: { when_full: block } }, pixels: grey, on_error: skip }
  pictures: { type: jpeg_encode, from: pixels }
  files: { type: image_archive, from: pictures, path: labelled, suffix: _labelled, keep: 50 }
  asked: { type: jsonl_file, from: recorder.events, path: asked.jsonl, mode: overwrite }
EOF
: >lab.log
"$PIPE" run lab.yaml --report report.json >lab.log 2>&1 &
lab=$!
for _ in $(seq 500); do
    ports="$(sed -n 's/.*listens on .*:\([0-9]*\)$/\1/p' lab.log)"
    [[ "$(wc -w <<<"$ports")" != 2 ]] || break
    kill -0 "$lab" || fail "the run ended: $(cat lab.log)"
    sleep 0.02
done
frames="$(sed -n 's/.*camera.*listens on .*:\([0-9]*\)$/\1/p' lab.log | head -1)"
commands="$(sed -n 's/.*recorder.*listens on .*:\([0-9]*\)$/\1/p' lab.log | head -1)"
[[ -n "$frames" && -n "$commands" ]] || fail "no ports: $(cat lab.log)"
sent="$(python3 "$ROOT/IntegrationTests/camera_client.py" "$frames" "$commands" "$ROOT/Tests/CameraTests/Pictures")" ||
    fail "the cameras failed: $(cat lab.log)"
kill -TERM "$lab"
wait "$lab" || fail "the run ended with $?: $(cat lab.log)"
written="$(find raw -name '*.jpg' -o -name '*.bin' | wc -l)"
[[ "$written" == "$sent" ]] || fail "$sent pictures were sent, $written written: $(cat lab.log)"
[[ "$(find labelled -name '*_labelled.jpg' | wc -l)" == 50 ]] || fail "not 50 are kept: $(ls labelled/*)"
[[ -z "$(find raw labelled -name '.*.part')" ]] || fail "something unfinished is left"
for reason in too_long empty cut stalled; do contains "$(cat lab.log)" "refused ($reason)"; done
py "
import json
report = json.load(open('report.json'))
stages = {stage['name']: stage for stage in report['stages']}
print('camera:', stages['camera'], 'pixels:', stages['pixels'])
assert stages['camera']['failed'] == 2 + 1 + 1 + 200, stages['camera']
assert stages['recorder']['in'] == stages['raw']['in'] == stages['pixels']['in'] == $sent, stages
assert stages['raw']['failed'] == 0 and stages['pixels']['failed'] == 2, stages
assert stages['files']['in'] == $sent - 2, stages
asked = [json.loads(line) for line in open('asked.jsonl')]
assert [line['command'] for line in asked][:4] == ['STATUS', 'EXP_ID:EXP_1', 'nonsense', 'START_INF'], asked
"

# A folder that may not be written costs its pictures, is said, and disturbs nobody else. Root may write anywhere.
mkdir -m 0777 closed open
mkdir -m 0555 shut "closed/$(date +%y%m%d)" "closed/$(date -d tomorrow +%y%m%d)"
cat >closed.yaml <<'EOF'
pipe: 1
stages:
  camera: { type: camera_simulator, width: 64, height: 48, count: 30, rate: 1kHz }
  pictures: { type: jpeg_encode, from: camera.frames, scale: minmax }
  closed: { type: image_archive, from: { pictures: { when_full: block } }, path: closed, on_error: skip }
  open: { type: image_archive, from: { pictures: { when_full: block } }, path: open/frames }
EOF
sed 's#path: closed#path: shut/frames#' closed.yaml >shut.yaml
chmod a+rwx .
as_user=()
[[ "$(id -u)" != 0 ]] || as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if "${as_user[@]}" test -x "$PIPE"; then
    expect_exit 0 "${as_user[@]}" "$PIPE" run closed.yaml --report closed.json
    py "
import json
stages = {stage['name']: stage for stage in json.load(open('closed.json'))['stages']}
assert stages['closed']['failed'] == 30 and stages['open']['failed'] == 0, stages
assert 'permission denied' in json.dumps(stages['closed']), stages['closed']
"
    [[ "$(find open -name '*.jpg' | wc -l)" == 30 ]] || fail "the other archive is not whole"
    expect_exit 2 "${as_user[@]}" "$PIPE" validate shut.yaml
    contains "$out$err" "permission denied"
else
    printf 'not tried: another user may not run %s\n' "$PIPE"
    expect_exit 0 "$PIPE" run closed.yaml
fi

# What is simulated, encoded and kept is read again.
cat >again.yaml <<'EOF'
pipe: 1
stages:
  files: { type: image_files, path: open/frames, deep: true }
  kept: { type: jsonl_file, from: files, path: again.jsonl, mode: overwrite, header: true }
EOF
expect_exit 0 "$PIPE" run again.yaml
py "
import json
lines = [json.loads(line) for line in open('again.jsonl')]
assert len(lines) == 30 and all(line['width'] == 64 and line['format'] == 'grey8' for line in lines), lines
assert all(line['_item']['key'].endswith('.jpg') for line in lines), lines
"
