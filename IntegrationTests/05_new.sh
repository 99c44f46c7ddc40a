# What 'new' writes validates, or builds, at once.
for chain in generate/null file_lines/split/jsonl_file generate/filter/batch/jsonl_file generate/join/null; do
    expect_exit 0 bash -c "'$PIPE' new graph $chain >graph.yaml && '$PIPE' validate --strict graph.yaml </dev/null"
done
expect_exit 0 "$PIPE" new graph generate/null -o first.yaml
expect_exit 64 "$PIPE" new graph generate/null -o first.yaml
contains "$err" "is there already"
expect_exit 64 "$PIPE" new graph filter/null
contains "$err" "is no source"
expect_exit 2 "$PIPE" new graph file_lines/map/null
contains "$err" "type-mismatch"

# A stage of each kind, in a copy of the plugin, against the built modules.
mkdir -p Plugins && cp -r "$ROOT/Plugins/Basics" Plugins/
for kind in source transform sink; do expect_exit 0 "$PIPE" new stage "my_$kind" --kind "$kind"; done
modules="$(dirname "$PIPE")"
swiftc -typecheck -swift-version 6 -module-name Basics -warnings-as-errors -I "$modules/Modules" -I "$modules" \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature InternalImportsByDefault Plugins/Basics/*.swift
grep -q 'MyTransform.self' Plugins/Basics/Basics.swift || fail "not listed"
for file in Plugins/Basics/My*.swift; do swift format lint --strict --configuration "$ROOT/.swift-format" "$file"; done
expect_exit 64 "$PIPE" new stage generate
expect_exit 64 "$PIPE" new stage "Bad Name"
expect_exit 64 "$PIPE" new stage fine_name --plugin Nowhere
