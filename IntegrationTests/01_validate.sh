# Exit codes, streams, several files, standard input.
good="$ROOT/pipelines/quickstart.yaml"
printf 'pipe: 1\nstages:\n  a: { type: generat }\n  b: { type: "null", from: a }\n' >bad.yaml

expect_exit 0 "$PIPE" validate "$good"
[[ -z "$out" ]] || fail "standard output is for data: $out"
contains "$err" "fine, 3 stages and 2 links"
expect_exit 0 "$PIPE" validate -q "$good"
[[ -z "$out$err" ]] || fail "--quiet speaks: $out$err"
expect_exit 2 "$PIPE" validate "$good" bad.yaml
contains "$out" "bad.yaml:3:14: error: there is no stage type 'generat' [unknown-type]"
contains "$err" "1 error"
expect_exit 2 bash -c "'$PIPE' validate - <bad.yaml"
contains "$out" "<stdin>:3:14"
expect_exit 2 "$PIPE" validate none.yaml
contains "$out" "unreadable-file"
expect_exit 64 "$PIPE" validate
contains "$err" "GRAPH is missing"
expect_exit 64 "$PIPE" validat bad.yaml
contains "$err" "did you mean 'validate'?"

# A warning is a mistake only where that is asked for.
printf 'pipe: 1\nparams: { x: { type: integer, default: 1 } }\nstages: { a: { type: generate }, b: { type: "null", from: a } }\n' >warn.yaml
expect_exit 0 "$PIPE" validate warn.yaml
expect_exit 2 "$PIPE" validate --strict warn.yaml

# Params from outside are checked like the others.
expect_exit 0 "$PIPE" validate --set params.limit=31.5 "$good"
expect_exit 2 "$PIPE" validate --set params.limit=hot "$good"
contains "$out" "--set:1:14: error: 'hot' is not a number"
expect_exit 2 "$PIPE" validate --set params.limt=3 "$good"
contains "$out" "did you mean 'limit'?"

# A reader that goes away is no reason to die with a signal.
expect_exit 0 bash -c "set -o pipefail; '$PIPE' schema | head -c 10 >/dev/null"

# Colours: never into a pipe, never with NO_COLOR.
"$PIPE" validate bad.yaml | grep -q $'\033' && fail "colours in a pipe"
true
