# The schema is what an independent validator takes for JSON Schema 2020-12. It accepts every good graph and rejects the
# mistakes that a schema can see.
venv="$ROOT/.setup/venv/bin"
[[ -x "$venv/check-jsonschema" ]] || fail "check-jsonschema is missing: run scripts/setup --tests"
schema="$ROOT/schemas/graph.schema.json"
"$venv/check-jsonschema" --check-metaschema "$schema" "$ROOT/schemas/fragment.schema.json"
"$venv/check-jsonschema" --schemafile "$schema" "$ROOT"/pipelines/*.yaml

corpus="$ROOT/Tests/PipeGraphTests/Corpus"
"$venv/python3" - "$schema" "$corpus" <<'PYTHON'
import glob, json, os, re, sys
import jsonschema, ruamel.yaml

schema, corpus = sys.argv[1:]
check = jsonschema.Draft202012Validator(json.load(open(schema)))
yaml = ruamel.yaml.YAML(typ="safe", pure=True)

def load(path):
    with open(path, encoding="utf-8-sig", newline=None) as file:
        return yaml.load(file)

wrong = []
good = sorted(glob.glob(corpus + "/good/*.yaml"))
for path in good:
    try: value = load(path)
    except ruamel.yaml.error.YAMLError as error:  # it takes no tab between words, which YAML allows
        assert "'\\t'" in str(error), error
        continue
    error = jsonschema.exceptions.best_match(check.iter_errors(value))
    if error: wrong.append(f"{os.path.basename(path)} is good, and the schema says: {error.message[:200]}")

# What needs no names in scope, no units of size and no look at the graph as a whole.
visible = {"unknown-key", "unknown-type", "missing-unit", "unknown-unit", "unsupported-version"}
seen = 0
for path in sorted(glob.glob(corpus + "/bad/*.yaml")):
    text = open(path, encoding="utf-8", errors="replace").read()
    expected = re.findall(r"^# expect: (\S+) (\S+)", text, re.M)
    if not expected or os.path.exists(path + ".expect"): continue
    code, place = expected[0]
    if len(expected) > 1 or code not in visible or place.count(":") > 1: continue
    try: value = load(path)
    except Exception: continue
    # Params' own values, what is filled in, and comparisons are typed by the reader alone.
    if re.search(r"^\s*(params|with|set):", text, re.M) or "${" in text: continue
    seen += 1
    try: accepted = check.is_valid(value)
    except TypeError: accepted = False  # a key that is no text: JSON has no such thing
    if accepted: wrong.append(f"{os.path.basename(path)} has {code}, and the schema accepts it")
print(f"{len(good)} good graphs, {seen} mistakes that a schema can see")
assert seen >= 80, seen
print("\n".join(wrong))
sys.exit(bool(wrong))
PYTHON
