"""Prints the documents of a YAML file as a JSON array."""

import json
import sys
from pathlib import Path

import yaml

print(json.dumps(list(yaml.safe_load_all(Path(sys.argv[1]).read_text()))))
