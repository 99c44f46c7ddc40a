# Findings for programs are what independent readers take them for.
printf 'pipe: 1\nstages:\n  größe: { type: generate }\n  a: { type: generate, cuont: 3 }\n  b: { type: "null", from: a }\n' >bad.yaml
expect_exit 2 "$PIPE" validate --json bad.yaml
py 'import json,sys
r=json.load(open(".out")); f=r["findings"]
assert r["errors"]==len(f)>=2, r
slip=[x for x in f if x["code"]=="unknown-key"][0]
assert (slip["line"],slip["column"],slip["length"],slip["suggestion"])==(4,24,5,"count"), slip'

expect_exit 2 "$PIPE" validate --format sarif bad.yaml
py 'import json
r=json.load(open(".out")); assert r["version"]=="2.1.0"
run=r["runs"][0]; rules=[x["id"] for x in run["tool"]["driver"]["rules"]]
assert run["columnKind"]=="unicodeCodePoints"
for x in run["results"]:
    assert rules[x["ruleIndex"]]==x["ruleId"] and x["level"]=="error"
    g=x["locations"][0]["physicalLocation"]["region"]; assert g["endColumn"]>g["startColumn"]>=1
fix=[x for x in run["results"] if x["ruleId"]=="unknown-key"][0]["fixes"][0]["artifactChanges"][0]["replacements"][0]
region=fix["deletedRegion"]; lines=open("bad.yaml").read().split("\n")
line=lines[region["startLine"]-1]
lines[region["startLine"]-1]=line[:region["startColumn"]-1]+fix["insertedContent"]["text"]+line[region["endColumn"]-1:]
assert "count: 3" in lines[3], lines'

expect_exit 2 "$PIPE" validate --format github bad.yaml
grep -q '^::error file=bad.yaml,line=4,endLine=4,col=24,endColumn=29,title=unknown-key::' .out || fail "$out"

# Every list is JSON when asked.
for words in "stages" "stages join" "explain" "explain cycle" "version"; do
    expect_exit 0 "$PIPE" $words --json
    py 'import json; json.load(open(".out"))'
done
