# Drawings: Graphviz takes every one; where it is missing, pipe says so.
for graph in "$ROOT"/pipelines/*.yaml; do
    expect_exit 0 "$PIPE" graph "$graph" --svg -o out.svg
    grep -q '</svg>' out.svg || fail "$graph: no picture"
    expect_exit 0 "$PIPE" graph "$graph" --mermaid
    [[ "$out" == "flowchart LR"* ]] || fail "$out"
done
expect_exit 1 env PATH=/nonexistent "$PIPE" graph "$ROOT/pipelines/quickstart.yaml" --svg
contains "$err" "apt-get install graphviz"
printf 'pipe: 1\nstages: {}\n' >bad.yaml
expect_exit 2 "$PIPE" graph bad.yaml
[[ -z "$out" ]] || fail "a wrong graph was drawn"
