//! Lines of YAML by their indentation, so that several changes of one mapping become one mapping.
//!
//! The lines are those of `analysis::declaration`: mappings, lists of mappings, plain values, `!Ref`, `!Sub`,
//! `!GetAtt` and `!If`.

use serde_json::{Map, Value, json};

/// A mapping or a list.
#[derive(Debug, Default)]
pub(super) struct Tree {
    branches: Vec<Branch>,
}

/// A line with the lines that are indented below it.
#[derive(Debug)]
struct Branch {
    text: String,
    /// How much further than the line above it is indented.
    indent: usize,
    below: Tree,
}

impl Tree {
    /// Adds lines: what is below a line that is there already is added to what is below that.
    pub(super) fn add_lines(&mut self, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().collect();
        let lines: Vec<(usize, &str)> = lines
            .iter()
            .map(|line| {
                let text = line.trim_start();
                (line.len() - text.len(), text)
            })
            .collect();
        self.add_indented(&lines, 0);
    }

    fn add_indented(&mut self, mut lines: &[(usize, &str)], outer: usize) {
        while let Some(((indent, text), rest)) = lines.split_first() {
            let end = rest.iter().position(|(it, _)| it <= indent);
            let (below, after) = rest.split_at(end.unwrap_or(rest.len()));
            let known = self.branches.iter().position(|it| is_same(&it.text, text));
            let at = known.unwrap_or_else(|| {
                self.branches.push(Branch {
                    text: (*text).to_owned(),
                    indent: indent - outer,
                    below: Tree::default(),
                });
                self.branches.len() - 1
            });
            self.branches[at].below.add_indented(below, *indent);
            lines = after;
        }
    }

    /// Returns all lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.list_lines(0, &mut lines);
        lines
    }

    /// Returns the same in JSON.
    pub(super) fn to_json(&self) -> Value {
        if self.branches.iter().any(|it| it.text.starts_with("- ")) {
            return self.branches.iter().map(Branch::to_item).collect();
        }
        let members = self.branches.iter().map(Branch::to_member);
        Value::Object(members.collect())
    }

    fn list_lines(&self, outer: usize, lines: &mut Vec<String>) {
        for branch in &self.branches {
            let indent = outer + branch.indent;
            lines.push(format!("{}{}", " ".repeat(indent), branch.text));
            branch.below.list_lines(indent, lines);
        }
    }
}

impl Branch {
    /// Returns the key and the value of a line of a mapping.
    fn to_member(&self) -> (String, Value) {
        match self.text.split_once(": ") {
            Some((key, value)) => (key.to_owned(), read_scalar(value)),
            None => {
                let key = self.text.trim_end_matches(':');
                (key.to_owned(), self.below.to_json())
            }
        }
    }

    /// Returns an item of a list, which is a value or a mapping that begins on the line of the item.
    fn to_item(&self) -> Value {
        let text = self.text.trim_start_matches("- ");
        if !text.contains(": ") && !text.ends_with(':') {
            return read_scalar(text);
        }
        let mut members = Map::new();
        // Lines that are indented as the text behind the dash are members of the item.
        let (of_item, of_first): (Vec<_>, Vec<_>) = self
            .below
            .branches
            .iter()
            .partition(|it| it.indent == "- ".len());
        let (key, value) = match text.split_once(": ") {
            Some((key, value)) => (key, read_scalar(value)),
            None => {
                let members = of_first.iter().map(|it| it.to_member());
                (text.trim_end_matches(':'), Value::Object(members.collect()))
            }
        };
        members.insert(key.to_owned(), value);
        members.extend(of_item.iter().map(|it| it.to_member()));
        Value::Object(members)
    }
}

/// Returns a value on a line.
fn read_scalar(text: &str) -> Value {
    if let Some(id) = text.strip_prefix("!Ref ") {
        return json!({ "Ref": id });
    }
    if let Some(text) = text.strip_prefix("!Sub ") {
        return json!({ "Fn::Sub": text });
    }
    if let Some((id, attribute)) = text
        .strip_prefix("!GetAtt ")
        .and_then(|it| it.split_once('.'))
    {
        return json!({ "Fn::GetAtt": [id, attribute] });
    }
    let choice = text
        .strip_prefix("!If [")
        .and_then(|it| it.strip_suffix(']'));
    if let Some(choice) = choice {
        let parts: Vec<Value> = choice.split(", ").map(read_scalar).collect();
        return json!({ "Fn::If": parts });
    }
    match text.parse::<bool>() {
        Ok(flag) => Value::Bool(flag),
        Err(_) => text
            .parse::<u64>()
            .map_or_else(|_| json!(text), Value::from),
    }
}

/// Whether two lines are the same item of a list, or have the same key of a mapping, which can be there only once.
fn is_same(one: &str, other: &str) -> bool {
    let key = |text: &str| match text.starts_with("- ") {
        true => text.to_owned(),
        false => text
            .split(": ")
            .next()
            .unwrap_or(text)
            .trim_end_matches(':')
            .to_owned(),
    };
    key(one) == key(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(parts: &[&str]) -> String {
        let mut tree = Tree::default();
        for part in parts {
            tree.add_lines(part.lines().map(str::to_owned));
        }
        tree.lines().join("\n")
    }

    #[test]
    fn changes_of_one_mapping_are_one_mapping() {
        let first =
            "Resources:\n  I:\n    Devices:\n      - Name: a\n        Ebs:\n          Key: k";
        let second =
            "Resources:\n  I:\n    Devices:\n      - Name: b\n        Ebs:\n          Key: k";
        assert_eq!(
            merge(&[first, second, first]),
            format!("{first}\n      - Name: b\n        Ebs:\n          Key: k")
        );
        assert_eq!(
            merge(&["A:\n  K: 1", "A:\n  K: 2\n  L: 3"]),
            "A:\n  K: 1\n  L: 3"
        );
    }

    #[test]
    fn lines_are_the_same_in_json() {
        let mut tree = Tree::default();
        let text = "Id:\n  On: true\n  Days: 7\n  List:\n    - Rule:\n        Key: !GetAtt K.Arn\n      Other: aws:kms\n    - Name: a\n      \
                    Ebs:\n        Key: !Ref K\n  Ids:\n    - !Ref A\n    - !Sub a.${B}\n    - !If [C, !Ref D, !Ref AWS::NoValue]";
        tree.add_lines(text.lines().map(str::to_owned));
        assert_eq!(
            tree.to_json(),
            json!({"Id": {
                "On": true, "Days": 7,
                "List": [
                    {"Rule": {"Key": {"Fn::GetAtt": ["K", "Arn"]}}, "Other": "aws:kms"},
                    {"Name": "a", "Ebs": {"Key": {"Ref": "K"}}}
                ],
                "Ids": [
                    {"Ref": "A"}, {"Fn::Sub": "a.${B}"},
                    {"Fn::If": ["C", {"Ref": "D"}, {"Ref": "AWS::NoValue"}]}
                ]
            }})
        );
    }

    #[test]
    fn the_indentation_of_a_list_in_a_list_stays() {
        let text = "Rules:\n  - Default:\n      Key: k\n    Other: o";
        assert_eq!(merge(&[text, text]), text);
    }
}
