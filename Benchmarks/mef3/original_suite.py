"""Runs the original's own test suites against our server: its client, its errors, its two callers, and its access patterns.

    swift build -c release --package-path Benchmarks/mef3
    python original_suite.py <checkout of bnel-mef3-server 0.0.2> [--theirs]

The checkout is copied, and its fixtures start `mef3-serve` where they started the original in the process of the test. The access
patterns run as they are and once more without the 0.3 s of work. With --theirs only these patterns run, on the original's own server; where
there is /.dockerenv it looks for sessions below /host_root, which must then lead to /. Needs what the original needs, and pytest,
pytest-order and pytest-benchmark.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

SERVE = pathlib.Path(__file__).resolve().parent / ".build/release/mef3-serve"
OURS = f'''
class OurServer:
    """mef3-serve in a process of its own, for sessions below the folder for temporary files."""

    def __init__(self, n_prefetch):
        self.n_prefetch = n_prefetch

    def add_insecure_port(self, address):
        self.address = address.replace("localhost", "127.0.0.1")

    def start(self):
        import subprocess, tempfile
        self.process = subprocess.Popen(["{SERVE}", tempfile.gettempdir(), self.address, str(self.n_prefetch), "256"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert "listening" in self.process.stdout.readline()

    def stop(self, grace):
        self.process.stdin.close()
        self.process.wait(20)


def create_grpc_server(n_prefetch, cache_capacity_multiplier, n_process_workers=0):
    return OurServer(n_prefetch)


'''


def between(text, begin, end, new):
    """The text with something else from one mark up to another, which both must be there."""
    start = text.index(begin)
    return text[:start] + new + text[text.index(end, start):]


def change(path, *steps):
    text = path.read_text()
    for step in steps:
        text = step(text)
    path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("--theirs", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "original"
        shutil.copytree(arguments.checkout, copy, ignore=shutil.ignore_patterns(".git"))
        tests = copy / "tests"
        patterns = tests / "test_access_patterns.py"
        without = tests / "test_access_patterns_without_work.py"
        without.write_text(patterns.read_text().replace("SLEEP_SECONDS = 0.3", "SLEEP_SECONDS = 0"))
        if not arguments.theirs:
            change(tests / "conftest.py",
                   lambda text: between(text, "def create_grpc_server", '@pytest.fixture(scope="function")\ndef grpc_server_factory', OURS),
                   lambda text: text.replace("time.sleep(0.1)", "time.sleep(0.5)"))
            change(tests / "test_client.py", lambda text: between(
                text, "    server = grpc.server(", "    port = 50052",
                "    from tests.conftest import create_grpc_server\n    server = create_grpc_server(3, 3)\n"))
        # Two of the suites use one port, and ours is nobody's to share: each in a run of its own.
        runs = [["-k", "grpc", "--benchmark-columns=mean,rounds", "--benchmark-sort=fullname", str(patterns), str(without)]]
        if not arguments.theirs:
            runs += [[str(tests / f"test_{name}.py")] for name in ("client", "mef3_server", "error_handling")]
        codes = [subprocess.run([sys.executable, "-m", "pytest", "-q", *words], cwd=copy).returncode for words in runs]
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
