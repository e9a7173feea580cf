"""A CloudFormation template, evaluated for one stack as far as the state machine of `deploy/fleet.yaml` needs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Reads the short forms of intrinsic functions as their long forms."""


def _read_tag(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    value = node.value
    return {name: value.split(".", 1) if tag == "GetAtt" else value}


_Loader.add_multi_constructor("!", _read_tag)


class Stack:
    """A template with the values of its parameters and names for its resources."""

    def __init__(self, path: Path, parameters: dict[str, Any], names: dict[str, str]) -> None:
        self.template = yaml.load(path.read_text(), _Loader)
        declared = self.template["Parameters"]
        unknown = parameters.keys() - declared.keys()
        missing = {name for name, it in declared.items() if "Default" not in it} - parameters.keys()
        if unknown or missing:
            raise ValueError(f"unknown parameters {unknown}, missing parameters {missing}")
        defaults = {name: it["Default"] for name, it in declared.items() if "Default" in it}
        self.values = {name: str(value) for name, value in {**defaults, **parameters}.items()}
        self.lists = {name for name, it in declared.items() if "List" in it["Type"]}
        self.names = {
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::Region": "us-east-1",
            "AWS::StackName": "backup-check",
            **names,
        }

    def refer(self, name: str) -> Any:
        if name in self.lists:
            return self.values[name].split(",")
        if name in self.values:
            return self.values[name]
        if name in self.names:
            return self.names[name]
        resource, _, attribute = name.partition(".")
        if resource not in self.template["Resources"]:
            raise KeyError(name)
        return f"arn:aws:{resource.lower()}::{attribute.lower() or 'ref'}"

    def evaluate(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.evaluate(item) for item in value]
        if not isinstance(value, dict):
            return value
        match list(value.items()):
            case [("Ref", name)]:
                return self.refer(name)
            case [("Fn::GetAtt", [resource, attribute])]:
                return self.refer(f"{resource}.{attribute}")
            case [("Fn::Join", [separator, items])]:
                return separator.join(self.evaluate(items))
            case [("Fn::Equals", [left, right])]:
                return self.evaluate(left) == self.evaluate(right)
            case [("Fn::Not", [condition])]:
                return not self.evaluate(condition)
            case [("Fn::If", [condition, then, other])]:
                holds = self.evaluate(self.template["Conditions"][condition])
                return self.evaluate(then if holds else other)
            case [("Fn::Sub", text)]:
                text, own = text if isinstance(text, list) else (text, {})
                own = {name: self.evaluate(it) for name, it in own.items()}
                return re.sub(
                    r"\$\{([^!}]+)\}", lambda it: str(own.get(it[1]) if it[1] in own else self.refer(it[1])), text
                )
            case _:
                return {name: self.evaluate(item) for name, item in value.items()}

    def properties(self, resource: str) -> Any:
        return self.evaluate(self.template["Resources"][resource]["Properties"])
