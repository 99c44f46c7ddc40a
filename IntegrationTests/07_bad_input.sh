# Input that nobody means well with: one finding each, little memory, no crash.
python3 - <<'PYTHON'
import os, subprocess
pipe = os.environ["PIPE"]
graph = b"pipe: 1\nstages: { a: { type: generate }, b: { type: 'null', from: a } }\n"
def bomb():
    text = "pipe: 1\nx-a: &a0 [l]\n"
    for n in range(1, 60): text += f"x-{n}: &a{n} [" + ", ".join(f"*a{n-1}" for _ in range(10)) + "]\n"
    return text.encode()
cases = {
    "alias bomb": bomb(),
    "100 MB": b"pipe: 1\nx: '" + b"a" * (100 << 20) + b"'\n",
    "100 000 brackets": b"pipe: " + b"[" * 100_000,
    "100 000 braces": b"pipe: " + b"{a: " * 100_000,
    "100 000 dashes": b"pipe:\n " + b"- " * 100_000,
    "nested keys": b"".join(b" " * n + b"a:\n" for n in range(2000)),
    "NUL": b"pipe: 1\0",
    "not UTF-8": b"pipe: \xff\xfe\xfd",
    "UTF-16": "pipe: 1\n".encode("utf-16"),
    "tab": b"pipe: 1\nstages:\n\ta: { type: generate }\n",
    "6 MiB of scalars": b"pipe: [" + b"1," * (3 << 20) + b"]",
    "a long word": b"a" * (7 << 20),
    "a long key": graph + b"? " + b"k" * (7 << 20) + b"\n: 1\n",
    "many documents": b"---\n" * 100_000,
    "many anchors": graph + b"x-list: [" + b"".join(b"&a%d 1," % n for n in range(200_000)) + b"]\nslip: 1\n",
    "many quotes": graph + b"name: " + b"'" * (1 << 20) + b" x\n",
    "many comments": b"#" * (7 << 20),
    "empty": b"",
}
for name, data in cases.items():
    with open("bad.yaml", "wb") as file: file.write(data)
    run = subprocess.run(["/usr/bin/time", "-f", "%M", "-o", "peak", pipe, "validate", "bad.yaml"], capture_output=True, timeout=60)
    found = run.stdout.decode().count(": error: ")
    assert run.returncode == 2 and found == 1, (name, run.returncode, found, run.stdout[:500], run.stderr[:500])
    peak = int(open("peak").read().split()[-1]) // 1024
    assert peak < 200, (name, peak)
    print(f"{peak:4} MiB {name}: {run.stdout.decode().splitlines()[0][:110]}")
PYTHON
