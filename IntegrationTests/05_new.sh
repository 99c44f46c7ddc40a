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

# A stage of each kind, in a copy of the plugin, against the built modules. The test beside it builds too, where
# PipeTesting is built.
mkdir -p Plugins Tests/BasicsTests && cp -r "$ROOT/Plugins/Basics" Plugins/
for kind in source transform sink; do expect_exit 0 "$PIPE" new stage "my_$kind" --kind "$kind"; done
modules="$(dirname "$PIPE")"
build() {
    swiftc "$@" -swift-version 6 -warnings-as-errors -I "$modules/Modules" -I "$modules" -I "$ROOT/Sources/CYaml" \
        -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
        -enable-upcoming-feature InternalImportsByDefault
}
build -emit-module -enable-testing -module-name Basics -o Basics.swiftmodule Plugins/Basics/*.swift
if [[ -e "$modules/Modules/PipeTesting.swiftmodule" ]]; then
    build -typecheck -module-name BasicsTests -I . Tests/BasicsTests/*.swift
fi
grep -q 'MyTransform.self' Plugins/Basics/Basics.swift || fail "not listed"
for file in Plugins/Basics/My*.swift Tests/BasicsTests/My*.swift; do
    swift format lint --strict --configuration "$ROOT/.swift-format" "$file"
done
[[ $(ls Tests/BasicsTests) == "$(printf 'My%sTests.swift\n' Sink Source Transform)" ]] || fail "$(ls Tests/BasicsTests)"

# Nothing is written over, and a plugin without tests gets none.
rm Plugins/Basics/MySink.swift
expect_exit 64 "$PIPE" new stage my_sink --kind sink
contains "$err" "'Tests/BasicsTests/MySinkTests.swift' is there already"
rm -r Tests
expect_exit 0 "$PIPE" new stage my_other
contains "$err" "no tests written"
expect_exit 64 "$PIPE" new stage generate
expect_exit 64 "$PIPE" new stage "Bad Name"
expect_exit 64 "$PIPE" new stage fine_name --plugin Nowhere
