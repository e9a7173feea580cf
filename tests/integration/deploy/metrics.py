"""Prints the samples of an OpenMetrics text on stdin as JSON, read by the strict parser of Prometheus' client."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

samples = [
    {"name": it.name, "labels": it.labels, "value": it.value}
    for family in text_string_to_metric_families(sys.stdin.read())
    for it in family.samples
]
print(json.dumps(samples))
