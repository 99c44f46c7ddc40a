# Helpers of the integration tests.

# What a script has started does not outlive it, also where it fails.
trap 'started=$(jobs -p); [[ -z "$started" ]] || kill -KILL $started 2>/dev/null || true' EXIT

fail() { printf 'FAILED: %s\n' "$*"; exit 1; }

# expect_exit CODE COMMAND…: runs it; its output is in $out, its complaints in $err.
expect_exit() {
    local wanted="$1" got=0
    shift
    "$@" >.out 2>.err || got=$?
    out="$(cat .out)"
    err="$(cat .err)"
    [[ "$got" == "$wanted" ]] || fail "exit code $got, not $wanted: $*"$'\n'"$out"$'\n'"$err"
}

contains() { [[ "$1" == *"$2"* ]] || fail "'$2' is not in: $1"; }

# py CODE: Python with standard input, for looking at JSON.
py() { python3 -c "$1"; }
