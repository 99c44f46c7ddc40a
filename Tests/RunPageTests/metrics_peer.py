"""Reads metrics as prometheus_client does, checks what their format asks, and prints each sample as a line of JSON."""
import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

if sys.argv[1] == "check":
    sys.exit(0)
text = sys.stdin.read()
read = {"prometheus": parser, "openmetrics": openmetrics_parser}[sys.argv[1]].text_string_to_metric_families
seen = set()
for family in read(text):
    assert family.documentation and family.type != "unknown", family.name
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in seen, f"{key} stands here twice"
        seen.add(key)
        print(json.dumps({"name": sample.name, "labels": sample.labels, "value": sample.value, "type": family.type}))
    if family.type == "histogram":
        series = {}
        for sample in family.samples:
            labels = {k: v for k, v in sample.labels.items() if k != "le"}
            series.setdefault(json.dumps(labels, sort_keys=True), []).append(sample)
        for labels, samples in series.items():
            buckets = [s.value for s in samples if s.name.endswith("_bucket")]
            count = [s.value for s in samples if s.name.endswith("_count")]
            assert buckets == sorted(buckets) and buckets[-1] == count[0], (family.name, labels)
